/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explanations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commands/show/parse_time.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "base/zone.h"

/* A copy of a judgement. A rule and a table have one for the rule's newest finding and one for the newest change of their incident. */
struct explanation {
    struct judgement judgement; /* the rule's name is the core's own, the texts are owned */
    bool is_change;
};

bool explanations_parse(struct explanations *explanations, const char *text)
{
    explanations->all = strcmp(text, "all") == 0;
    return explanations->all || parse_time(text, clock_now_ms(), TIME_UNTIL, &explanations->at_ms);
}

static void explanation_text(const struct judgement *judgement, struct strbuf *out)
{
    char time[40];
    zone_format_rfc3339(judgement->time_ms, time);
    strbuf_printf(out, "%s %s", time, judgement->rule);
    if (judgement->table) {
        strbuf_puts(out, " of ");
        text_add_visible(out, judgement->table, strlen(judgement->table));
    }
    strbuf_printf(out, ": %s: ", verdict_name(judgement->verdict));
    text_add_visible(out, judgement->text, strlen(judgement->text));
}

static void explanation_json(const struct judgement *judgement, struct strbuf *out)
{
    struct json_writer json = { .out = out };
    json_open(&json, NULL, '{');
    json_put_time(&json, "time", judgement->time_ms);
    json_put_text(&json, "rule", judgement->rule);
    json_put_text(&json, "table", judgement->table);
    json_put_text(&json, "verdict", verdict_name(judgement->verdict));
    json_put_text(&json, "text", judgement->text);
    json_close(&json, '}');
}

static void explanation_print(const struct explanations *explanations, const struct judgement *judgement)
{
    struct strbuf line = { 0 };
    if (explanations->json)
        explanation_json(judgement, &line);
    else
        explanation_text(judgement, &line);
    if (explanations->before_line)
        explanations->before_line(explanations->ctx);
    puts(strbuf_text(&line));
    strbuf_free(&line);
}

static bool is_same_table(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

static struct explanation *find_kept(const struct explanations *explanations, const struct judgement *judgement,
                                     bool is_change)
{
    for (size_t i = 0; i < explanations->count; i++) {
        struct explanation *kept = &explanations->kept[i];
        if (kept->is_change == is_change && strcmp(kept->judgement.rule, judgement->rule) == 0 &&
            is_same_table(kept->judgement.table, judgement->table))
            return kept;
    }
    return NULL;
}

static void explanation_free(struct explanation *explanation)
{
    free((char *)explanation->judgement.table);
    free((char *)explanation->judgement.text);
}

static void keep(struct explanations *explanations, const struct judgement *judgement)
{
    bool is_change = judgement->verdict >= VERDICT_OPENED;
    struct explanation *place = find_kept(explanations, judgement, is_change);
    if (place) {
        explanation_free(place);
    } else {
        explanations->kept = list_room(explanations->kept, explanations->count, sizeof *explanations->kept);
        place = &explanations->kept[explanations->count++];
    }
    *place = (struct explanation){ .judgement = *judgement, .is_change = is_change };
    place->judgement.table = judgement->table ? must_copy(judgement->table, strlen(judgement->table)) : NULL;
    place->judgement.text = must_copy(judgement->text, strlen(judgement->text));
}

static void print_kept(struct explanations *explanations)
{
    for (size_t i = 0; i < explanations->count; i++) {
        explanation_print(explanations, &explanations->kept[i].judgement);
        explanation_free(&explanations->kept[i]);
    }
    free(explanations->kept);
    explanations->kept = NULL;
    explanations->count = 0;
    explanations->printed = true;
}

void explanations_take(void *ctx, const struct judgement *judgement)
{
    struct explanations *explanations = ctx;
    if (explanations->all) {
        explanation_print(explanations, judgement);
    } else if (!explanations->printed) {
        if (judgement->time_ms > explanations->at_ms)
            print_kept(explanations);
        else
            keep(explanations, judgement);
    }
}

void explanations_end(struct explanations *explanations)
{
    if (!explanations->all && !explanations->printed)
        print_kept(explanations);
}
