/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "patterns_file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"

/* The patterns of the platform's Prefect flow: fixtures/patterns/k2-prefect.conf without its comments, as the build wrote them down. */
static const unsigned char PATTERNS_PREFECT_TEXT[] = {
#include "patterns/k2-prefect.inc"
};

static const char LOGGER_DEFAULT[] = "__main__";

static const char *const PREFIX_GROUPS[RECORD_GROUPS] = {
    [RECORD_TIME] = "time",
    [RECORD_LOGGER] = "logger",
    [RECORD_LEVEL] = "level",
    [RECORD_MESSAGE] = "message",
};

struct loader {
    struct patterns *patterns;
    FILE *file;
    const char *path;
    int line;
    size_t events;
    struct strbuf *error; /* the first error that was found; reading goes on, but nothing is taken up */
};

static bool loader_ok(const struct loader *loader)
{
    return loader->error->len == 0;
}

/* Counts the lines for the messages, and refuses a line that is longer than libinih's buffer, since libinih would read it as two. */
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

static bool loader_refuse(struct loader *loader, const char *name, const char *why)
{
    strbuf_printf(loader->error, "%s:%d: %s: %s", loader->path, loader->line, name, why);
    return false;
}

static bool prefix_set(struct loader *loader, const char *name, const char *regex)
{
    struct record_format *format = &loader->patterns->format;
    if (format->prefix)
        return loader_refuse(loader, name, "given twice");
    struct strbuf why = { 0 };
    format->prefix = pattern_new(regex, PREFIX_GROUPS, RECORD_GROUPS, &why);
    if (format->prefix && !pattern_has_group(format->prefix, RECORD_MESSAGE))
        strbuf_puts(&why, "the group \"message\" is needed");
    bool fine = why.len == 0 || loader_refuse(loader, name, why.at);
    strbuf_free(&why);
    return fine;
}

static bool logger_set(struct loader *loader, const char *name, const char *logger)
{
    if (loader->patterns->format.logger)
        return loader_refuse(loader, name, "given twice");
    loader->patterns->format.logger = must_copy(logger, strlen(logger));
    return true;
}

/* EVENT_IGNORED for "ignore", -1 for no such event. What the agent sees of the host itself has no pattern. */
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
        return loader_refuse(loader, name, "no such event");
    struct strbuf why = { 0 };
    bool fine = vocabulary_add(loader->patterns->vocabulary, kind, regex, &why) || loader_refuse(loader, name, why.at);
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
        return loader_refuse(loader, section, "no such section: [record] or [events]");
    if (strcmp(name, "pattern") == 0)
        return prefix_set(loader, name, value);
    return strcmp(name, "logger") == 0 ? logger_set(loader, name, value) : loader_refuse(loader, name, "no such key");
}

static FILE *patterns_open(const char *path)
{
    if (strcmp(path, PATTERNS_K2_PREFECT) == 0)
        return fmemopen((void *)(uintptr_t)PATTERNS_PREFECT_TEXT, sizeof PATTERNS_PREFECT_TEXT, "r");
    return fopen(path, "re");
}

static bool patterns_load_file(struct patterns *patterns, const char *path, struct strbuf *error)
{
    struct loader loader = { .patterns = patterns, .path = path, .error = error };
    loader.file = patterns_open(path);
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

bool patterns_load(struct patterns *patterns, const char *path, struct strbuf *error)
{
    struct strbuf why = { 0 };
    *patterns = (struct patterns){ .vocabulary = vocabulary_new() };
    bool loaded = path ? patterns_load_file(patterns, path, &why) : vocabulary_add_builtin(patterns->vocabulary, &why);
    if (loaded && !patterns->format.logger)
        patterns->format.logger = must_copy(LOGGER_DEFAULT, strlen(LOGGER_DEFAULT));
    patterns->format.logger_len = loaded ? strlen(patterns->format.logger) : 0;
    if (!loaded) {
        strbuf_add(error, why.at, why.len);
        patterns_free(patterns);
    }
    strbuf_free(&why);
    return loaded;
}

void patterns_free(struct patterns *patterns)
{
    pattern_free(patterns->format.prefix);
    vocabulary_free(patterns->vocabulary);
    free(patterns->format.logger);
    *patterns = (struct patterns){ 0 };
}
