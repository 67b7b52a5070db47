/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/strbuf.h"

enum {
    PLACES = 32,
    STAY_MS = 1000,           /* any answer, if the history has not changed */
    STAY_MOST_MS = 60 * 1000, /* a dear one */
    STAY_COSTS = 20,          /* one is dear if so many times its cost is more than STAY_MS */
};

struct kept_place {
    char *key; /* owned; NULL: the place is free */
    struct kept_answer answer;
    uint64_t used; /* the number of the look that found it last */
};

struct kept {
    struct kept_place places[PLACES];
    size_t bytes;
    uint64_t looks;
    void (*let_go)(void *response);
};

struct rendered *rendered_take(struct rendered *rendered)
{
    rendered->users++;
    return rendered;
}

void rendered_leave(struct rendered *rendered, void (*let_go)(void *response))
{
    if (!rendered || --rendered->users > 0)
        return;
    let_go(rendered->response);
    free(rendered);
}

struct kept *kept_new(void (*let_go)(void *response))
{
    struct kept *kept = must_alloc(sizeof *kept);
    kept->let_go = let_go;
    return kept;
}

static void kept_place_clear(struct kept *kept, struct kept_place *place)
{
    if (!place->key)
        return;
    kept->bytes -= place->answer.rendered->bytes;
    rendered_leave(place->answer.rendered, kept->let_go);
    free(place->key);
    *place = (struct kept_place){ 0 };
}

void kept_free(struct kept *kept)
{
    for (size_t i = 0; i < PLACES; i++)
        kept_place_clear(kept, &kept->places[i]);
    free(kept);
}

static struct kept_place *kept_place_of(struct kept *kept, const char *key)
{
    for (size_t i = 0; i < PLACES; i++)
        if (kept->places[i].key && strcmp(kept->places[i].key, key) == 0)
            return &kept->places[i];
    return NULL;
}

/* A free one, else the one that was asked for last the longest ago, which is cleared. */
static struct kept_place *kept_place_for(struct kept *kept)
{
    struct kept_place *found = &kept->places[0];
    for (size_t i = 0; i < PLACES; i++) {
        if (!kept->places[i].key)
            return &kept->places[i];
        if (kept->places[i].used < found->used)
            found = &kept->places[i];
    }
    kept_place_clear(kept, found);
    return found;
}

const struct kept_answer *kept_find(struct kept *kept, const char *key)
{
    struct kept_place *place = kept_place_of(kept, key);
    if (!place)
        return NULL;
    place->used = ++kept->looks;
    return &place->answer;
}

enum kept_age kept_age(const struct kept_answer *answer, int64_t now_ms)
{
    if (!answer || now_ms - answer->checked_ms >= SERVE_STALE_MS)
        return KEPT_NONE;
    return now_ms - answer->checked_ms < SERVE_FRESH_MS ? KEPT_FRESH : KEPT_STALE;
}

bool kept_may_stay(const struct kept_answer *answer, int64_t now_ms)
{
    int64_t stay_ms = STAY_COSTS * answer->cost_ms;
    stay_ms = stay_ms < STAY_MS ? STAY_MS : stay_ms > STAY_MOST_MS ? STAY_MOST_MS : stay_ms;
    return now_ms - answer->made_ms < stay_ms;
}

void kept_put(struct kept *kept, const char *key, const struct kept_answer *answer)
{
    struct kept_place *place = kept_place_of(kept, key);
    if (place)
        kept_place_clear(kept, place);
    if (answer->rendered->bytes > SERVE_KEPT_MAX_BYTES / 2)
        return;
    while (kept->bytes + answer->rendered->bytes > SERVE_KEPT_MAX_BYTES) {
        struct kept_place *oldest = NULL;
        for (size_t i = 0; i < PLACES; i++)
            if (kept->places[i].key && (!oldest || kept->places[i].used < oldest->used))
                oldest = &kept->places[i];
        if (!oldest)
            break;
        kept_place_clear(kept, oldest);
    }
    place = kept_place_for(kept);
    *place = (struct kept_place){ must_copy(key, strlen(key)), *answer, ++kept->looks };
    rendered_take(answer->rendered);
    kept->bytes += answer->rendered->bytes;
}

void kept_confirm(struct kept *kept, const char *key, int64_t now_ms)
{
    struct kept_place *place = kept_place_of(kept, key);
    if (place)
        place->answer.checked_ms = now_ms;
}
