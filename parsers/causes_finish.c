/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "causes_private.h"

#include <inttypes.h>
#include <stdlib.h>

/* The table of causes is checked and put into its order when all of it was read. */

static const struct runbook *runbook_named(const struct causes *causes, const char *file)
{
    for (size_t i = 0; i < causes->runbook_count; i++)
        if (!causes->runbooks[i].dropped && strcmp(causes->runbooks[i].file, file) == 0)
            return &causes->runbooks[i];
    return NULL;
}

static const char *runbook_title(const struct runbook *runbook, int64_t scenario)
{
    for (size_t i = 0; i < runbook->scenario_count; i++)
        if (runbook->scenarios[i].number == scenario)
            return runbook->scenarios[i].title;
    return NULL;
}

/* Fills in the scenario's code and title. */
static void section_find_runbook(const struct causes *causes, struct cause_section *section, struct strbuf *why)
{
    struct known_cause *known = &section->known;
    const struct runbook *runbook = known->runbook ? runbook_named(causes, known->runbook) : NULL;
    if (!known->runbook && section->scenario)
        strbuf_puts(why, "it has a scenario and no runbook");
    else if (known->runbook && !runbook)
        strbuf_printf(why, "there is no section [runbook %s]", known->runbook);
    if (!runbook)
        return;
    const char *title = runbook_title(runbook, section->scenario);
    struct strbuf code = { 0 };
    strbuf_printf(&code, "%" PRId64, runbook->number);
    if (section->scenario) {
        strbuf_printf(&code, "/%" PRId64, section->scenario);
        if (title)
            known->title = must_copy(title, strlen(title));
        else
            strbuf_printf(why, "[runbook %s] has no scenario %" PRId64, runbook->file, section->scenario);
    }
    known->scenario = must_copy(code.at, code.len);
    strbuf_free(&code);
}

static void section_finish(const struct causes *causes, struct cause_section *section,
                           const struct causes_errors *errors)
{
    struct known_cause *known = &section->known;
    struct strbuf why = { 0 }, said = { 0 };
    section_find_runbook(causes, section, &why);
    if (!why.len && !known->words && !section->kind && !known->vague)
        strbuf_puts(&why, "it has no words");
    if (!known->trouble)
        known->trouble = must_copy(known->name, strlen(known->name));
    if (why.len) {
        strbuf_printf(&said, "[cause %s]: %s", known->name, why.at);
        errors->say(errors->ctx, section->line, said.at);
    }
    strbuf_free(&why);
    strbuf_free(&said);
}

/* Texts before hints, and a team's own rows before the pipeline's and those before the common ones; else in the order of the files. */
static bool sign_is_before(const struct causes *causes, const struct sign *a, const struct sign *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind;
    return causes->sections[a->cause].origin > causes->sections[b->cause].origin;
}

/* Leaves the rows of dropped causes out, and sorts the rest by insertion, which keeps the order of equals. */
static void signs_sort(struct causes *causes)
{
    size_t kept = 0;
    for (size_t i = 0; i < causes->sign_count; i++) {
        struct sign sign = causes->signs[i];
        if (causes->sections[sign.cause].dropped)
            continue;
        size_t at = kept++;
        for (; at > 0 && sign_is_before(causes, &sign, &causes->signs[at - 1]); at--)
            causes->signs[at] = causes->signs[at - 1];
        causes->signs[at] = sign;
    }
    causes->sign_count = kept;
}

static void exits_drop(struct causes *causes)
{
    size_t kept = 0;
    for (size_t i = 0; i < causes->exit_count; i++)
        if (!causes->sections[causes->exits[i].cause].dropped)
            causes->exits[kept++] = causes->exits[i];
    causes->exit_count = kept;
}

void causes_finish(struct causes *causes, const struct causes_errors *errors)
{
    for (size_t i = 0; i < causes->section_count; i++) {
        struct cause_section *section = &causes->sections[i];
        section->dropped = section->dropped || (causes->without_builtin && section->origin != CAUSES_OWN);
        if (!section->dropped)
            section_finish(causes, section, errors);
    }
    signs_sort(causes);
    exits_drop(causes);
}
