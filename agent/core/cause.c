/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cause.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fnv.h"
#include "clip.h"
#include "saved.h"
#include "tables.h"

/* Causes are compared by their ids. A state that an older agent saved has none: there the runbook's scenario is the next best. */
static bool cause_is_old(const struct cause *cause)
{
    return !cause->id && cause->words && cause->scenario && strchr(cause->scenario, '/');
}

bool cause_is_known(const struct cause *cause)
{
    return cause->id || cause_is_old(cause);
}

int64_t cause_mark(const struct cause *cause)
{
    const char *text = cause->id ? cause->id : cause->scenario;
    if (!cause_is_known(cause) || !text)
        return 0;
    return (int64_t)(fnv_add(FNV_EMPTY, text, strlen(text)) % (uint64_t)SAVED_NUMBER_MOST) + 1;
}

bool cause_differs(const struct cause *a, const struct cause *b)
{
    if (a->id && b->id)
        return strcmp(a->id, b->id) != 0;
    return cause_is_known(a) && cause_is_known(b) && a->scenario && b->scenario &&
           strcmp(a->scenario, b->scenario) != 0;
}

bool cause_may_replace(const struct cause *known, const struct cause *found)
{
    return cause_is_known(found) || !cause_is_known(known) ? found->words || !known->words : false;
}

struct cause cause_from(const struct known_cause *known)
{
    if (!known)
        return (struct cause){ 0 };
    return (struct cause){
        .id = known->words && !known->vague ? known->trouble : NULL,
        .words = known->words,
        .scenario = known->scenario,
        .first_command = known->first_command,
        .runbook = known->runbook,
        .title = known->title,
        .escalate_to = known->escalate_to,
    };
}

struct cause cause_of_kind(const struct cause_sources *sources, const char *kind)
{
    return sources->causes ? cause_from(causes_of_kind(sources->causes, kind)) : (struct cause){ 0 };
}

/* --- what a table's failures say ----------------------------------------------------------------------------- */

static void reading_take_line(struct causes *causes, struct cause_reading *reading, struct text_reading *of,
                              struct slice line)
{
    struct causes_answer answer = { 0 };
    if (line.len == 0)
        return;
    of->any_line = true;
    if (causes_is_banner(causes, line))
        return;
    of->any_other = true;
    causes_read_line(causes, line, &answer);
    if (answer.cause && answer.cause->names_component)
        reading->about = answer.cause;
    if (!answer.cause || (of->best.cause && of->best.rank <= answer.rank))
        return;
    free(of->what);
    of->what = answer.what.at ? clipped_copy(answer.what, CAUSE_WHAT_MAX_BYTES) : NULL;
    of->best = (struct causes_answer){ .cause = answer.cause, .rank = answer.rank };
}

/* Reads the lines of the text that were not read yet. */
static void reading_take_text(struct causes *causes, struct cause_reading *reading, struct text_reading *of,
                              const char *text)
{
    size_t len = text ? strlen(text) : 0;
    while (of->read_bytes < len) {
        const char *begin = text + of->read_bytes;
        size_t line = strcspn(begin, "\n");
        reading_take_line(causes, reading, of, (struct slice){ begin, line });
        of->read_bytes += line + (begin[line] == '\n');
    }
}

/* What was told of an earlier failure is the best guess until this one says for certain why it failed. */
static bool told_is_better(const struct table *table)
{
    const struct causes_answer *said = &table->reading->said.best, *told = &table->reading->told.best;
    if (!told->cause || !said->cause)
        return told->cause != NULL;
    return told->rank < said->rank && (!table->told_is_old || causes_is_guess(said));
}

/* *from: the text that the answer is from, unless it is from the exit code or a time-out. */
static struct causes_answer reading_answer(struct causes *causes, const struct table *table,
                                           const struct text_reading **from)
{
    struct cause_reading *reading = table->reading;
    reading_take_text(causes, reading, &reading->said, table->error);
    reading_take_text(causes, reading, &reading->told, table->told);
    *from = told_is_better(table) ? &reading->told : &reading->said;
    struct causes_answer answer = (*from)->best;
    causes_read_exit_code(causes, table->exit_code, &answer);
    if (table->timed_out)
        causes_read_timeout(causes, &answer);
    return answer;
}

/* The words with ${what} and ${exit_code} filled in. */
static void fill_in_words(const char *words, const char *what, int64_t exit_code, struct strbuf *out)
{
    static const char WHAT[] = "${what}", CODE[] = "${exit_code}";
    strbuf_clear(out);
    for (const char *at = words; *at;) {
        if (strncmp(at, WHAT, strlen(WHAT)) == 0) {
            strbuf_puts(out, what ? what : "?");
            at += strlen(WHAT);
        } else if (strncmp(at, CODE, strlen(CODE)) == 0) {
            strbuf_printf(out, "%" PRId64, exit_code);
            at += strlen(CODE);
        } else {
            strbuf_add(out, at++, 1);
        }
    }
}

/* What differs by what it names is another trouble each time: two hosts that are unreachable. */
static void fill_in_id(const struct known_cause *known, const char *what, struct strbuf *out)
{
    strbuf_clear(out);
    strbuf_puts(out, known->trouble);
    if (strstr(known->words, "${what}"))
        strbuf_printf(out, ":%s", what ? what : "");
}

struct cause cause_of_failures(const struct table *table, bool *is_guess)
{
    struct cause_reading *reading = table->reading;
    struct causes *causes = table->sources->causes;
    const struct text_reading *from;
    struct causes_answer answer = reading_answer(causes, table, &from);
    bool any_line = reading->said.any_line || reading->told.any_line;
    bool any_other = reading->said.any_other || reading->told.any_other;
    *is_guess = causes_is_guess(&answer);
    if (!answer.cause)
        return cause_from(any_line && !any_other ? causes_of_banner(causes) : causes_of_kind(causes, "failures"));
    struct cause cause = cause_from(answer.cause);
    if (!cause.id)
        return cause;
    const char *what = answer.cause == from->best.cause ? from->what : NULL;
    fill_in_words(answer.cause->words, what, table->exit_code, &reading->words);
    fill_in_id(answer.cause, what, &reading->id);
    cause.words = strbuf_text(&reading->words);
    cause.id = strbuf_text(&reading->id);
    return cause;
}

struct cause table_cause(const struct table *table)
{
    bool is_guess;
    if (!table->sources || !table->sources->causes)
        return (struct cause){ 0 };
    const struct known_cause *down = components_find_cause(table);
    return down ? cause_from(down) : cause_of_failures(table, &is_guess);
}

void cause_read_anew(struct cause_reading *reading)
{
    struct strbuf words = reading->words, id = reading->id;
    free(reading->said.what);
    free(reading->told.what);
    *reading = (struct cause_reading){ .words = words, .id = id };
}

void cause_reading_free(struct cause_reading *reading)
{
    cause_read_anew(reading);
    strbuf_free(&reading->words);
    strbuf_free(&reading->id);
}
