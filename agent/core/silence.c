/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "silence.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

/* --- what a scope covers ------------------------------------------------------------------------------------- */

bool alert_matches(const char *glob, enum alert alert)
{
    static const char family[] = "IcebergOffload";
    const char *name = alert_name(alert);
    return fnmatch(glob, name, 0) == 0 || fnmatch(glob, name + strlen(family), 0) == 0;
}

bool alert_glob_is_known(const char *glob)
{
    for (int alert = 0; alert < ALERTS; alert++)
        if (alert_matches(glob, (enum alert)alert))
            return true;
    return false;
}

static bool covers_alert(const struct silence_scope *scope, const struct silence_subject *subject)
{
    if (subject->severity > scope->most)
        return false;
    for (size_t i = 0; i < scope->alerts.count; i++)
        if (alert_matches(scope->alerts.texts[i], subject->alert))
            return true;
    return scope->alerts.count == 0;
}

static bool covers_table(const struct silence_scope *scope, const char *table)
{
    for (size_t i = 0; i < scope->tables.count; i++)
        if (fnmatch(scope->tables.texts[i], table, 0) == 0)
            return true;
    return scope->tables.count == 0;
}

/* A scope that concerns the notification, and until when it does. */
struct cover {
    const struct silence_scope *scope;
    int64_t ends_ms;
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Until when the first of its tables is covered no more; 0 if one is not covered now. */
static int64_t tables_covered_until(const struct cover *covers, size_t count, const struct silence_subject *subject)
{
    int64_t until_ms = subject->table_count ? INT64_MAX : 0;
    for (size_t i = 0; i < subject->table_count; i++) {
        int64_t table_ms = 0;
        for (size_t j = 0; j < count; j++)
            if (covers_table(covers[j].scope, subject->tables[i]))
                table_ms = later(table_ms, covers[j].ends_ms);
        until_ms = table_ms < until_ms ? table_ms : until_ms;
    }
    return until_ms;
}

int64_t silences_until(const struct silences *silences, const struct silence_subject *subject, int64_t now_ms)
{
    int64_t until_ms = 0, begins_ms, ends_ms;
    size_t room = silences->count + silences->window_count, count = 0;
    if (room == 0)
        return 0;
    struct cover *covers = must_alloc(room * sizeof *covers);
    for (size_t i = 0; i < silences->count; i++)
        if (covers_alert(&silences->at[i].scope, subject) && silence_is_in_force(&silences->at[i], now_ms))
            covers[count++] = (struct cover){ &silences->at[i].scope, silences->at[i].ends_ms };
    for (size_t i = 0; i < silences->window_count; i++) {
        const struct silence_window *window = &silences->windows[i];
        if (covers_alert(&window->scope, subject) &&
            silence_window_next(window, silences->offset, now_ms, &begins_ms, &ends_ms) && begins_ms <= now_ms)
            covers[count++] = (struct cover){ &window->scope, ends_ms };
    }
    for (size_t i = 0; i < count; i++)
        if (covers[i].scope->tables.count == 0)
            until_ms = later(until_ms, covers[i].ends_ms);
    until_ms = later(until_ms, tables_covered_until(covers, count, subject));
    free(covers);
    return until_ms;
}

static void list_words(const struct text_list *globs, const char *what, struct strbuf *out)
{
    for (size_t i = 0; i < globs->count; i++)
        strbuf_printf(out, "%s%s", i ? " or " : what, globs->texts[i]);
}

void silence_scope_words(const struct silence_scope *scope, struct strbuf *out)
{
    strbuf_puts(out, scope->most == SEVERITY_WARNING ? "warnings" : "everything");
    list_words(&scope->alerts, ", alert ", out);
    list_words(&scope->tables, ", table ", out);
}

/* --- silences ------------------------------------------------------------------------------------------------ */

bool silence_is_in_force(const struct silence *silence, int64_t now_ms)
{
    return silence->starts_ms <= now_ms && now_ms < silence->ends_ms;
}

static struct text_list copy_texts(const struct text_list *list)
{
    struct text_list copy = { must_alloc((list->count + 1) * sizeof *copy.texts), list->count };
    for (size_t i = 0; i < list->count; i++)
        copy.texts[i] = must_copy(list->texts[i], strlen(list->texts[i]));
    return copy;
}

static void free_texts(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->texts[i]);
    free(list->texts);
    *list = (struct text_list){ 0 };
}

struct silence silence_copy(const struct silence *silence)
{
    struct silence copy = *silence;
    copy.scope.alerts = copy_texts(&silence->scope.alerts);
    copy.scope.tables = copy_texts(&silence->scope.tables);
    return copy;
}

void silence_free(struct silence *silence)
{
    free_texts(&silence->scope.alerts);
    free_texts(&silence->scope.tables);
}
