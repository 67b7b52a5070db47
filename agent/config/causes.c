/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "causes.h"

#include <errno.h>
#include <stdio.h>

#include "base/budgets.h"
#include "config.h"
#include "file.h"
#include "parser.h"

/* The built-in table of causes: the bytes of fixtures/causes/k2.conf without its comments, as the build wrote them down. */
static const char causes_builtin[] = {
#include "causes/k2.inc"
};

/* What the pipeline k2-prefect adds to it and replaces in it: fixtures/causes/k2-prefect.conf, likewise. */
static const char causes_prefect[] = {
#include "causes/k2-prefect.inc"
};

/* Where the entries of a file go. */
struct causes_loader {
    struct causes *causes;
    enum causes_origin origin;
    const char *path;
    struct strbuf *error; /* a line for each error */
};

static void causes_say(void *ctx, int line, const char *why)
{
    struct causes_loader *loader = ctx;
    strbuf_printf(loader->error, "%s%s:%d: %s", loader->error->len ? "\n" : "", loader->path, line, why);
}

static void causes_on_section(void *ctx, const char *section, int line)
{
    struct causes_loader *loader = ctx;
    if (section)
        causes_take_section(loader->causes, loader->origin, section, line,
                            &(struct causes_errors){ loader, causes_say });
}

static void causes_on_entry(void *ctx, const char *section, const char *name, const char *value, int line)
{
    struct causes_loader *loader = ctx;
    if (section[0] == '\0')
        causes_say(loader, line, "an entry stands before the first [section]");
    else
        causes_take_entry(loader->causes, name, value, line, &(struct causes_errors){ loader, causes_say });
}

static void causes_parse(struct causes_loader *loader, struct slice text)
{
    config_file_parse(text, &(struct config_file_sink){ loader, causes_on_section, causes_on_entry, causes_say });
}

static bool causes_read_file(const char *path, struct strbuf *text, struct strbuf *error)
{
    char piece[4096];
    size_t len;
    FILE *file = fopen(path, "re");
    if (!file) {
        strbuf_printf(error, "%s: %s", path, strerror(errno));
        return false;
    }
    while (text->len <= CAUSES_FILE_MAX_BYTES && (len = fread(piece, 1, sizeof piece, file)) > 0)
        strbuf_add(text, piece, len);
    if (ferror(file))
        strbuf_printf(error, "%s: %s", path, strerror(errno));
    else if (text->len > CAUSES_FILE_MAX_BYTES)
        strbuf_printf(error, "%s: larger than %d bytes: not a table of causes", path, CAUSES_FILE_MAX_BYTES);
    fclose(file);
    return error->len == 0;
}

/* The words of a cause that a probe explains stand alone: no text fills in what they leave open. */
static void causes_check_probe(const struct causes_loader *loader, const struct probe_config *probe)
{
    if (!probe->cause)
        return;
    const struct known_cause *known = causes_named(loader->causes, slice_of(probe->cause));
    const char *why = !known                          ? "is not in the table of causes"
                      : !known->words || known->vague ? "tells no cause"
                      : strstr(known->words, "${")    ? "leaves open what a text would fill in"
                                                      : NULL;
    if (why)
        strbuf_printf(loader->error, "%s%s: probe %s.cause: '%s' %s", loader->error->len ? "\n" : "",
                      probe->cause_place, probe->name, probe->cause, why);
}

const char *config_patterns(const struct config *config)
{
    if (config->log_patterns)
        return strcmp(config->log_patterns, PATTERNS_K2_SCHEDULER) == 0 ? NULL : config->log_patterns;
    return config->pipeline == PIPELINE_K2_PREFECT ? PATTERNS_K2_PREFECT : NULL;
}

struct causes *config_causes(const struct config *config, struct strbuf *error)
{
    const char *path = config ? config->runbooks_file : NULL;
    struct strbuf text = { 0 }, errors = { 0 };
    struct causes_loader loader = { .causes = causes_new(), .path = "(built in)", .error = &errors };
    causes_parse(&loader, (struct slice){ causes_builtin, sizeof causes_builtin });
    if (config && config->pipeline == PIPELINE_K2_PREFECT) {
        loader.origin = CAUSES_PIPELINE;
        causes_parse(&loader, (struct slice){ causes_prefect, sizeof causes_prefect });
    }
    if (path && causes_read_file(path, &text, &errors)) {
        loader.origin = CAUSES_OWN;
        loader.path = path;
        causes_parse(&loader, strbuf_slice(&text));
    }
    if (errors.len == 0)
        causes_finish(loader.causes, &(struct causes_errors){ &loader, causes_say });
    for (size_t i = 0; errors.len == 0 && config && i < config->probe_count; i++)
        causes_check_probe(&loader, &config->probes[i]);
    if (errors.len > 0) {
        strbuf_printf(error, "%s%s", error->len ? "\n" : "", errors.at);
        causes_free(loader.causes);
        loader.causes = NULL;
    }
    strbuf_free(&text);
    strbuf_free(&errors);
    return loader.causes;
}
