/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/say.h"
#include "daemon_private.h"

/* What the witnesses say is kept in the history, where `agent status` reads it, and counted for the metrics. */

struct names {
    const char **at;
    size_t count;
};

static void add_name(void *ctx, const char *name)
{
    struct names *names = ctx;
    names->at = list_room(names->at, names->count, sizeof *names->at);
    names->at[names->count++] = name;
}

void daemon_expect_witnesses(struct daemon *daemon)
{
    struct names names = { 0 };
    witness_names(daemon->config, add_name, &names);
    if (history_keeps_witness(daemon->history, WITNESS_MAINTENANCE))
        add_name(&names, WITNESS_MAINTENANCE);
    history_expect_witnesses(daemon->history, names.at, names.count);
    metrics_expect_witnesses(daemon->metrics, names.at, names.count);
    free(names.at);
}

void daemon_take_word(void *ctx, const struct witness_word *word)
{
    struct daemon *daemon = ctx;
    history_put_witness(daemon->history, word->name, witness_state_name(word->state), word->words, word->at_ms);
    metrics_note_witness(daemon->metrics, word->name, word->state == WITNESS_WELL, word->state == WITNESS_SILENT);
}

void daemon_take_maintenance(struct daemon *daemon, const struct event *event)
{
    bool failed = event->kind == EVENT_MAINTENANCE_FAILED;
    struct strbuf words = { 0 };
    if (failed)
        strbuf_printf(&words, "the maintenance failed: %.*s", (int)event->text.len, event->text.at);
    else
        strbuf_puts(&words, "the maintenance completed");
    struct witness_word word = { .name = WITNESS_MAINTENANCE,
                                 .state = failed ? WITNESS_TROUBLE : WITNESS_WELL,
                                 .words = strbuf_text(&words),
                                 .at_ms = event->time_ms };
    if (failed && !daemon->catching_up)
        say_warning("%s", word.words);
    daemon_take_word(daemon, &word);
    strbuf_free(&words);
}
