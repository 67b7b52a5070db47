/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_KEPT_H
#define SERVE_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Answers that were made a moment ago, for whoever asks the same. Many readers then cost no more than one. An answer is as old as
 * SERVE_STALE_MS at the most where the history has changed since; where it has not, a dear one may be older, see kept_may_stay. All times
 * are those of clock_running_ms(). Not thread-safe.
 */

enum { RENDERED_TAG_CHARS = 80 };

/* An answer as several may need it at once, such as a response of libmicrohttpd with its text. */
struct rendered {
    void *response; /* let go by the owner's function when the last user has gone */
    unsigned status;
    size_t bytes;
    int users;
    char tag[RENDERED_TAG_CHARS]; /* for ETag: who has an answer with the same one needs no other; "": it has none */
};

struct kept_answer {
    struct rendered *rendered;
    int64_t version;    /* of the history that it was made from */
    int64_t made_ms;    /* when it was begun */
    int64_t checked_ms; /* when the history was still, or again, that version */
    int64_t cost_ms;    /* of the processor, to make it */
};

enum kept_age {
    KEPT_NONE,  /* there is none, or it is too old */
    KEPT_STALE, /* may be sent while a new one is made */
    KEPT_FRESH
};

struct kept;
struct kept *kept_new(void (*let_go)(void *response));
void kept_free(struct kept *kept);

/* Hands out what is kept for a key, which may be of any age; NULL: nothing is. It belongs to kept until the next call with this one. */
const struct kept_answer *kept_find(struct kept *kept, const char *key);
enum kept_age kept_age(const struct kept_answer *answer, int64_t now_ms);
/* Whether an answer is still good if the history has not changed since, though ages that it names have grown. */
bool kept_may_stay(const struct kept_answer *answer, int64_t now_ms);

/* Keeps an answer in the place of the one before. If it is too long, nothing is kept. */
void kept_put(struct kept *kept, const char *key, const struct kept_answer *answer);
/* The history is still the version from which the answer for this key was made. */
void kept_confirm(struct kept *kept, const char *key, int64_t now_ms);

/* One user more; and one less, which may end it. */
struct rendered *rendered_take(struct rendered *rendered);
void rendered_leave(struct rendered *rendered, void (*let_go)(void *response));

#endif
