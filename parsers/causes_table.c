/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "causes_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* The table of causes is filled: sections, and their entries. */

struct causes *causes_new(void)
{
    return must_alloc(sizeof(struct causes));
}

static void section_free(struct cause_section *section)
{
    const struct known_cause *known = &section->known;
    const char *texts[] = { known->name,     known->trouble, known->words,         known->runbook,
                            known->scenario, known->title,   known->first_command, known->escalate_to };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free((void *)(uintptr_t)texts[i]);
    free(section->kind);
}

static void runbook_free(struct runbook *runbook)
{
    for (size_t i = 0; i < runbook->scenario_count; i++)
        free(runbook->scenarios[i].title);
    free(runbook->scenarios);
    free(runbook->file);
}

void causes_free(struct causes *causes)
{
    if (!causes)
        return;
    for (size_t i = 0; i < causes->section_count; i++)
        section_free(&causes->sections[i]);
    for (size_t i = 0; i < causes->runbook_count; i++)
        runbook_free(&causes->runbooks[i]);
    for (size_t i = 0; i < causes->word_count; i++) {
        free(causes->words[i].name);
        free(causes->words[i].text);
    }
    for (size_t i = 0; i < causes->pattern_count; i++) {
        free(causes->patterns[i].regex);
        pattern_free(causes->patterns[i].pattern);
    }
    free(causes->sections);
    free(causes->runbooks);
    free(causes->words);
    free(causes->patterns);
    free(causes->signs);
    free(causes->exits);
    free(causes);
}

/* --- sections ------------------------------------------------------------------------------------------------ */

/* The name of "cause NAME" or "runbook NAME"; NULL for another kind of section. */
static const char *section_name(const char *section, const char *kind)
{
    size_t len = strlen(kind);
    if (strncmp(section, kind, len) != 0 || section[len] != ' ')
        return NULL;
    return section + len + strspn(section + len, " ");
}

static bool causes_name_is_good(const char *name)
{
    static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    return *name && strlen(name) <= CAUSE_NAME_MAX_BYTES && name[strspn(name, ALLOWED)] == '\0';
}

/* The section takes the place of an older file's one of the same name. Within one file a name stands for one section. */
static bool causes_begin_cause(struct causes *causes, const char *name, int line, struct strbuf *why)
{
    for (size_t i = 0; i < causes->section_count; i++) {
        struct cause_section *other = &causes->sections[i];
        if (other->dropped || strcmp(other->known.name, name) != 0)
            continue;
        if (other->origin == causes->origin) {
            strbuf_printf(why, "[cause %s] stands in line %d already", name, other->line);
            return false;
        }
        other->dropped = true;
    }
    if (causes->section_count == CAUSES_MAX) {
        strbuf_printf(why, "there are more than %d causes", CAUSES_MAX);
        return false;
    }
    causes->sections = list_room(causes->sections, causes->section_count, sizeof *causes->sections);
    causes->sections[causes->section_count++] = (struct cause_section){
        .known.name = must_copy(name, strlen(name)),
        .origin = causes->origin,
        .line = line,
    };
    causes->place = IN_CAUSE;
    return true;
}

static void causes_begin_runbook(struct causes *causes, const char *name)
{
    int64_t number = 1;
    for (size_t i = 0; i < causes->runbook_count; i++) {
        struct runbook *other = &causes->runbooks[i];
        if (strcmp(other->file, name) == 0) {
            other->dropped = true;
            number = other->number;
            break;
        }
        number = other->number >= number ? other->number + 1 : number;
    }
    causes->runbooks = list_room(causes->runbooks, causes->runbook_count, sizeof *causes->runbooks);
    causes->runbooks[causes->runbook_count++] =
        (struct runbook){ .file = must_copy(name, strlen(name)), .origin = causes->origin, .number = number };
    causes->place = IN_RUNBOOK;
}

void causes_take_section(struct causes *causes, enum causes_origin origin, const char *section, int line,
                         const struct causes_errors *errors)
{
    const char *cause = section_name(section, "cause"), *runbook = section_name(section, "runbook");
    struct strbuf why = { 0 };
    causes->origin = origin;
    causes->place = IN_NOTHING;
    if (strcmp(section, "words") == 0)
        causes->place = IN_WORDS;
    else if (strcmp(section, "table") == 0)
        causes->place = IN_TABLE;
    else if (!cause && !runbook)
        strbuf_printf(&why, "[%s]: no such section: [cause NAME], [runbook FILE], [words] or [table]", section);
    else if (!causes_name_is_good(cause ? cause : runbook))
        strbuf_printf(&why, "[%s]: the name needs letters, digits and ._/- (at most %d)", section,
                      CAUSE_NAME_MAX_BYTES);
    else if (cause)
        causes_begin_cause(causes, cause, line, &why);
    else if (causes->runbook_count == CAUSES_MAX)
        strbuf_printf(&why, "there are more than %d runbooks", CAUSES_MAX);
    else
        causes_begin_runbook(causes, runbook);
    if (why.len)
        errors->say(errors->ctx, line, why.at);
    strbuf_free(&why);
}

/* --- entries ------------------------------------------------------------------------------------------------- */

static bool causes_read_number(const char *value, int64_t least, int64_t most, int64_t *number, struct strbuf *why)
{
    char *end = NULL;
    errno = 0;
    long long read = strtoll(value, &end, 10);
    if (*value && *end == '\0' && errno == 0 && read >= least && read <= most) {
        *number = read;
        return true;
    }
    strbuf_printf(why, "'%s' is no number from %" PRId64 " to %" PRId64, value, least, most);
    return false;
}

static bool causes_read_switch(const char *value, bool *on, struct strbuf *why)
{
    *on = strcmp(value, "yes") == 0;
    if (*on || strcmp(value, "no") == 0)
        return true;
    strbuf_printf(why, "'%s' is neither yes nor no", value);
    return false;
}

static bool causes_read_kind(const char *value, char **kind, struct strbuf *why)
{
    /* What the detectors ask for (agent/core). */
    static const char *const KINDS_KNOWN[] = {
        "failures",
        "table-gone",
        "lag",
        "slow",
        "slow-volume",
        "slow-resources",
        "stall",
        "scheduler-down",
        "scheduler-hung",
        "crash-loop",
        "throughput",
        "scheduler-oom",
        "scheduler-failed",
        "scheduler-stopped",
        "log-disk-full",
        "scheduler-given-up",
        "warehouse-disk-full",
        "process-stopped",
        "process-waits",
        "prefect-server-down",
        "prefect-worker-offline",
        "deployment-paused",
        "prefect-runs-late",
    };
    if (*kind)
        strbuf_puts(why, "given twice");
    for (size_t i = 0; !*kind && i < sizeof KINDS_KNOWN / sizeof KINDS_KNOWN[0]; i++)
        if (strcmp(value, KINDS_KNOWN[i]) == 0) {
            *kind = must_copy(value, strlen(value));
            return true;
        }
    if (!why->len)
        strbuf_printf(why, "there is no kind of incident '%s'", value);
    return false;
}

static bool causes_add_exit(struct causes *causes, const char *value, struct strbuf *why)
{
    struct sign_exit added = { .cause = causes->section_count - 1 };
    if (!causes_read_number(value, -255, 255, &added.code, why))
        return false;
    if (added.code == -1) {
        strbuf_puts(why, "-1 stands for an exit code that nobody told");
        return false;
    }
    causes->exits = list_room(causes->exits, causes->exit_count, sizeof *causes->exits);
    causes->exits[causes->exit_count++] = added;
    return true;
}

/* The text of a cause that the key names; NULL for another key. */
static const char **cause_text(struct cause_section *section, const char *key)
{
    struct known_cause *known = &section->known;
    const struct {
        const char *key;
        const char **text;
    } texts[] = {
        { "words", &known->words },
        { "trouble", &known->trouble },
        { "runbook", &known->runbook },
        { "first_command", &known->first_command },
        { "escalate_to", &known->escalate_to },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(key, texts[i].key) == 0)
            return texts[i].text;
    return NULL;
}

static bool cause_sign_kind(const char *key, enum sign_kind *kind)
{
    static const char *const NAMES[] = {
        [SIGN_TEXT] = "text", [SIGN_HINT] = "hint", [SIGN_PROBE] = "probe", [SIGN_BANNER] = "banner"
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(key, NAMES[i]) == 0) {
            *kind = (enum sign_kind)i;
            return true;
        }
    return false;
}

static void cause_take_entry(struct causes *causes, const char *key, const char *value, struct strbuf *why)
{
    struct cause_section *section = &causes->sections[causes->section_count - 1];
    const char **text = cause_text(section, key);
    enum sign_kind kind;
    if (text && *text)
        strbuf_puts(why, "given twice");
    else if (text && strlen(value) > CAUSE_VALUE_MAX_BYTES)
        strbuf_printf(why, "longer than %d bytes", CAUSE_VALUE_MAX_BYTES);
    else if (text)
        *text = must_copy(value, strlen(value));
    else if (cause_sign_kind(key, &kind))
        causes_add_sign(causes, kind, value, why);
    else if (strcmp(key, "exit_code") == 0)
        causes_add_exit(causes, value, why);
    else if (strcmp(key, "scenario") == 0)
        causes_read_number(value, 1, 999, &section->scenario, why);
    else if (strcmp(key, "timed_out") == 0)
        causes_read_switch(value, &section->timed_out, why);
    else if (strcmp(key, "names_component") == 0)
        causes_read_switch(value, &section->known.names_component, why);
    else if (strcmp(key, "vague") == 0)
        causes_read_switch(value, &section->known.vague, why);
    else if (strcmp(key, "kind") == 0)
        causes_read_kind(value, &section->kind, why);
    else
        strbuf_puts(why, "no such key of a cause");
}

/* scenario = 2 ClickHouse connectivity failure */
static void runbook_take_entry(struct runbook *runbook, const char *key, const char *value, struct strbuf *why)
{
    if (strcmp(key, "number") == 0) {
        causes_read_number(value, 1, 999, &runbook->number, why);
        return;
    }
    if (strcmp(key, "scenario") != 0) {
        strbuf_puts(why, "no such key of a runbook");
        return;
    }
    size_t digits = strspn(value, "0123456789");
    const char *title = value + digits + strspn(value + digits, " ");
    char *number = must_copy(value, digits);
    struct runbook_scenario scenario = { 0 };
    if (*title == '\0' || strlen(title) > CAUSE_VALUE_MAX_BYTES) {
        strbuf_puts(why, "needs a number and a title");
    } else if (causes_read_number(number, 1, 999, &scenario.number, why)) {
        scenario.title = must_copy(title, strlen(title));
        runbook->scenarios = list_room(runbook->scenarios, runbook->scenario_count, sizeof *runbook->scenarios);
        runbook->scenarios[runbook->scenario_count++] = scenario;
    }
    free(number);
}

static void words_take_entry(struct causes *causes, const char *key, const char *value, struct strbuf *why)
{
    struct strbuf text = { 0 };
    if (causes->word_count == CAUSES_MAX)
        strbuf_printf(why, "there are more than %d words", CAUSES_MAX);
    else if (causes_expand(causes, value, &text, why)) {
        causes->words = list_room(causes->words, causes->word_count, sizeof *causes->words);
        causes->words[causes->word_count++] =
            (struct causes_word){ must_copy(key, strlen(key)), must_copy(strbuf_text(&text), text.len) };
    }
    strbuf_free(&text);
}

void causes_take_entry(struct causes *causes, const char *key, const char *value, int line,
                       const struct causes_errors *errors)
{
    struct strbuf why = { 0 }, said = { 0 };
    bool builtin = true;
    switch (causes->place) {
    case IN_NOTHING: break; /* an error of its own was said */
    case IN_CAUSE: cause_take_entry(causes, key, value, &why); break;
    case IN_RUNBOOK: runbook_take_entry(&causes->runbooks[causes->runbook_count - 1], key, value, &why); break;
    case IN_WORDS: words_take_entry(causes, key, value, &why); break;
    case IN_TABLE:
        if (strcmp(key, "builtin") != 0)
            strbuf_puts(&why, "no such key of the table");
        else if (causes_read_switch(value, &builtin, &why))
            causes->without_builtin = !builtin;
        break;
    }
    if (why.len) {
        strbuf_printf(&said, "%s: %s", key, why.at);
        errors->say(errors->ctx, line, said.at);
    }
    strbuf_free(&why);
    strbuf_free(&said);
}
