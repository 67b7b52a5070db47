/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "patterns_file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The one file that this room reads: a patterns file is part of the grammar, and must be whole before the first line. Its
 * form is that of the configuration:
 *
 *   [record]
 *   pattern = (?<time>\S+ \S+) (?<level>\w+) (?<logger>\S+): (?<message>.*)
 *   logger = scheduler
 *   [events]
 *   run_failed = job (?<table>\w+) failed
 */

static const char LOGGER_DEFAULT[] = "__main__";

enum prefix_group { PREFIX_TIME, PREFIX_LOGGER, PREFIX_LEVEL, PREFIX_MESSAGE, PREFIX_GROUPS };

static const char *const PREFIX_NAMES[PREFIX_GROUPS] = {
    [PREFIX_TIME] = "time",
    [PREFIX_LOGGER] = "logger",
    [PREFIX_LEVEL] = "level",
    [PREFIX_MESSAGE] = "message",
};

struct loader {
    struct patterns *patterns;
    FILE *file;
    const char *path;
    int line;
    size_t events;
    struct strbuf *error; /* the first one found stays */
};

static bool loader_ok(const struct loader *loader)
{
    return loader->error->len == 0;
}

/* Counts lines for the messages, and refuses what libinih would cut in two. */
static char *loader_line(char *text, int room, void *stream)
{
    struct loader *loader = stream;
    if (!fgets(text, room, loader->file))
        return NULL;
    loader->line++;
    if (!strchr(text, '\n') && !feof(loader->file) && loader_ok(loader))
        strbuf_printf(loader->error, "%s:%d: the line is longer than %d bytes", loader->path, loader->line, room - 2);
    return text;
}

static bool refuse(struct loader *loader, const char *name, const char *why)
{
    strbuf_printf(loader->error, "%s:%d: %s: %s", loader->path, loader->line, name, why);
    return false;
}

static bool prefix_set(struct loader *loader, const char *name, const char *regex)
{
    if (loader->patterns->prefix)
        return refuse(loader, name, "given twice");
    struct strbuf why = { 0 };
    struct pattern *prefix = pattern_new(regex, PREFIX_NAMES, PREFIX_GROUPS, &why);
    if (prefix && !(pattern_has_group(prefix, PREFIX_TIME) && pattern_has_group(prefix, PREFIX_MESSAGE)))
        strbuf_puts(&why, "the groups \"time\" and \"message\" are needed");
    loader->patterns->prefix = prefix;
    bool fine = why.len == 0 || refuse(loader, name, why.at);
    strbuf_free(&why);
    return fine;
}

static bool logger_set(struct loader *loader, const char *name, const char *logger)
{
    if (loader->patterns->logger)
        return refuse(loader, name, "given twice");
    loader->patterns->logger = must_copy(logger, strlen(logger));
    return true;
}

/* Events of the host have no pattern: the shell sees them. */
static int kind_find(const char *name)
{
    if (strcmp(name, "ignore") == 0)
        return EVENT_IGNORED;
    for (int kind = 0; event_is_from_log((enum event_kind)kind); kind++)
        if (strcmp(name, event_name((enum event_kind)kind)) == 0)
            return kind;
    return -1;
}

static bool event_add(struct loader *loader, const char *name, const char *regex)
{
    int kind = kind_find(name);
    if (kind < 0)
        return refuse(loader, name, "no such event");
    struct strbuf why = { 0 };
    bool fine = vocabulary_add(loader->patterns->vocabulary, kind, regex, &why) || refuse(loader, name, why.at);
    loader->events += fine && kind != EVENT_IGNORED ? 1 : 0;
    strbuf_free(&why);
    return fine;
}

static int loader_pair(void *user, const char *section, const char *name, const char *value)
{
    struct loader *loader = user;
    if (!loader_ok(loader))
        return 0;
    if (strcmp(section, "events") == 0)
        return event_add(loader, name, value);
    if (strcmp(section, "record") != 0)
        return refuse(loader, section, "no such section: [record] or [events]");
    if (strcmp(name, "pattern") == 0)
        return prefix_set(loader, name, value);
    return strcmp(name, "logger") == 0 ? logger_set(loader, name, value) : refuse(loader, name, "no such key");
}

static bool file_load(struct patterns *patterns, const char *path, struct strbuf *error)
{
    struct loader loader = { .patterns = patterns, .path = path, .error = error };
    loader.file = fopen(path, "re");
    if (!loader.file) {
        strbuf_printf(error, "%s: %s", path, strerror(errno));
        return false;
    }
    int wrong_line = ini_parse_stream(loader_line, &loader, loader_pair, &loader);
    if (loader_ok(&loader) && ferror(loader.file))
        strbuf_printf(error, "%s: cannot be read", path);
    else if (loader_ok(&loader) && wrong_line != 0)
        strbuf_printf(error, "%s:%d: neither a section, a \"key = value\" nor a comment", path, wrong_line);
    else if (loader_ok(&loader) && loader.events == 0)
        strbuf_printf(error, "%s:%d: no events", path, loader.line);
    fclose(loader.file);
    return loader_ok(&loader);
}

static bool builtin_load(struct patterns *patterns, struct strbuf *error)
{
    size_t count;
    const struct vocabulary_entry *entries = vocabulary_builtin(&count);
    for (size_t i = 0; i < count; i++) {
        if (!vocabulary_add(patterns->vocabulary, entries[i].kind, entries[i].pattern, error)) {
            strbuf_printf(error, " (built-in: %s)", entries[i].pattern);
            return false;
        }
    }
    return true;
}

bool patterns_load(struct patterns *patterns, const char *path, struct strbuf *error)
{
    struct strbuf why = { 0 };
    *patterns = (struct patterns){ .vocabulary = vocabulary_new() };
    bool loaded = path ? file_load(patterns, path, &why) : builtin_load(patterns, &why);
    if (loaded && !patterns->logger)
        patterns->logger = must_copy(LOGGER_DEFAULT, strlen(LOGGER_DEFAULT));
    if (!loaded) {
        strbuf_add(error, why.at, why.len);
        patterns_free(patterns);
    }
    strbuf_free(&why);
    return loaded;
}

void patterns_free(struct patterns *patterns)
{
    pattern_free(patterns->prefix);
    vocabulary_free(patterns->vocabulary);
    free(patterns->logger);
    *patterns = (struct patterns){ 0 };
}

enum record_form patterns_record(const struct patterns *patterns, struct slice line, struct timestamp_reader *clock,
                                 struct record *record, int64_t *limit_hits)
{
    record->form = RECORD_NONE;
    enum pattern_answer answer = pattern_match(patterns->prefix, line);
    if (answer != PATTERN_YES) {
        *limit_hits += answer == PATTERN_LIMIT ? 1 : 0;
        return RECORD_NONE;
    }
    struct slice time = pattern_group(patterns->prefix, line, PREFIX_TIME);
    if (time.at && timestamp_read(clock, time.at, time.len, &record->time_ms) > 0) {
        record->logger = pattern_group(patterns->prefix, line, PREFIX_LOGGER);
        record->level = pattern_group(patterns->prefix, line, PREFIX_LEVEL);
        record->message = pattern_group(patterns->prefix, line, PREFIX_MESSAGE);
        record->form = record->message.at ? RECORD_CUSTOM : RECORD_NONE;
    }
    return record->form;
}
