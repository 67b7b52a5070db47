/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/show/query.h"
#include "base/budgets.h"
#include "base/zone.h"
#include "status.h"

/* The globs with commas between them; NULL if there are none. */
static char *joined(const struct text_list *globs)
{
    struct strbuf text = { 0 };
    for (size_t i = 0; i < globs->count; i++)
        strbuf_printf(&text, "%s%s", i ? "," : "", globs->texts[i]);
    return text.at;
}

static struct status_silence *silence_add(struct status *status, const struct silence_scope *scope)
{
    struct strbuf words = { 0 };
    status->silences = list_room(status->silences, status->silence_count, sizeof *status->silences);
    struct status_silence *silence = &status->silences[status->silence_count++];
    silence_scope_words(scope, &words);
    *silence = (struct status_silence){
        .alerts = joined(&scope->alerts), .tables = joined(&scope->tables), .most = scope->most, .words = words.at
    };
    return silence;
}

static void windows_gather(struct status *status, const struct config *config)
{
    for (size_t i = 0; i < config->window_count && status->silence_count < STATUS_SILENCES_MAX; i++) {
        const struct silence_window *window = &config->windows[i];
        int64_t begins_ms, ends_ms;
        if (!silence_window_next(window, zone_offset_ms, status->now_ms, &begins_ms, &ends_ms) ||
            begins_ms > status->now_ms)
            continue;
        struct status_silence *silence = silence_add(status, &window->scope);
        silence->window = must_copy(window->name, strlen(window->name));
        silence->begins_ms = begins_ms;
        silence->ends_ms = silence_window_is_always(window) ? 0 : ends_ms;
    }
}

void status_gather_silences(struct status *status, struct query *query, const struct config *config)
{
    windows_gather(status, config);
    query_ask(query,
              "SELECT id, starts_at, ends_at, reason, alert_glob, table_glob, max_severity FROM silence"
              " WHERE starts_at <= ?1 AND ends_at > ?1 AND coalesce(ended_at, 0) = 0"
              " ORDER BY ends_at DESC, id",
              &status->now_ms, 1);
    while (query_next(query) && status->silence_count < STATUS_SILENCES_MAX) {
        char *alert = query_text(query, 4), *table = query_text(query, 5);
        bool all = strcmp(query_word(query, 6), severity_name(SEVERITY_CRITICAL)) == 0;
        const struct silence_scope scope = { { &alert, alert != NULL },
                                             { &table, table != NULL },
                                             all ? SEVERITY_CRITICAL : SEVERITY_WARNING };
        struct status_silence *silence = silence_add(status, &scope);
        silence->id = query_int(query, 0);
        silence->begins_ms = query_time(query, 1);
        silence->ends_ms = query_time(query, 2);
        silence->reason = query_text(query, 3);
        free(alert);
        free(table);
    }
    query_end(query);
}

void status_free_silences(struct status *status)
{
    for (size_t i = 0; i < status->silence_count; i++) {
        free(status->silences[i].window);
        free(status->silences[i].alerts);
        free(status->silences[i].tables);
        free(status->silences[i].words);
        free(status->silences[i].reason);
    }
    free(status->silences);
}

const struct status_silence *status_full_silence(const struct status *status)
{
    const struct status_silence *longest = NULL;
    for (size_t i = 0; i < status->silence_count; i++) {
        const struct status_silence *silence = &status->silences[i];
        if (silence->alerts || silence->tables || silence->most != SEVERITY_CRITICAL || !silence->ends_ms)
            continue;
        if (!longest || silence->ends_ms > longest->ends_ms)
            longest = silence;
    }
    return longest;
}
