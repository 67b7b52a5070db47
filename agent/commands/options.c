/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "base/zone.h"
#include "nearest.h"

enum { OPTION_CONFIG, OPTION_LOG, OPTION_DB, OPTION_SET, OPTION_VERBOSE, OPTION_HELP, COMMON_OPTIONS };

/* Clear of '?' and ':', which getopt_long returns, and of 'h'. */
enum { OPTION_BASE = 256 };

static const struct option_spec common_specs[COMMON_OPTIONS] = {
    [OPTION_CONFIG] = { "config", "FILE",
                        "the configuration (default $AGENT_CONFIG, else /etc/iceberg-offload-agent/agent.conf)" },
    [OPTION_LOG] = { "log", "FILE", "the scheduler's log, as --set log.path=FILE" },
    [OPTION_DB] = { "db", "FILE", "the history database, as --set history.db=FILE" },
    [OPTION_SET] = { "set", "SECTION.KEY=VALUE", "a configuration key; repeatable, wins over the file" },
    [OPTION_VERBOSE] = { "verbose", NULL, "say more" },
    [OPTION_HELP] = { "help", NULL, "this help" },
};

const struct option_table common_options = { common_specs, COMMON_OPTIONS };

/* What is too long for its column has a line of its own. */
static void print_options(const struct option_spec *specs, size_t count)
{
    enum { COLUMN = 24 };

    for (size_t i = 0; i < count; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", specs[i].name, specs[i].argument ? " " : "",
                 specs[i].argument ? specs[i].argument : "");
        if (strlen(left) > COLUMN) {
            printf("  %s\n", left);
            left[0] = '\0';
        }
        printf("  %-*s %s\n", COLUMN, left, specs[i].help);
    }
}

static void print_help(const struct option_spec *specs, size_t count)
{
    puts("Options:");
    print_options(specs, count);
    print_options(common_specs, COMMON_OPTIONS);
}

static struct option *table_of(const struct option_spec *specs, size_t count)
{
    struct option *table = must_alloc((COMMON_OPTIONS + count + 1) * sizeof *table);

    for (size_t i = 0; i < COMMON_OPTIONS + count; i++) {
        const struct option_spec *spec = i < COMMON_OPTIONS ? &common_specs[i] : &specs[i - COMMON_OPTIONS];
        table[i].name = spec->name;
        table[i].has_arg = spec->argument ? required_argument : no_argument;
        table[i].val = OPTION_BASE + (int)i;
    }
    return table;
}

static void add_set(struct options *options, const char *prefix, const char *value)
{
    struct strbuf text = { 0 };

    strbuf_puts(&text, prefix);
    strbuf_puts(&text, value);
    options->sets = must_grow(options->sets, options->set_count + 1, sizeof *options->sets);
    options->sets[options->set_count++] = text.at;
}

static void take_common(struct options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_CONFIG: options->config_path = value; break;
    case OPTION_LOG: add_set(options, "log.path=", value); break;
    case OPTION_DB: add_set(options, "history.db=", value); break;
    case OPTION_SET: add_set(options, "", value); break;
    case OPTION_VERBOSE:
        options->verbose = true;
        say_verbose(1);
        break;
    default: break;
    }
}

/* What getopt_long refused: an unknown or ambiguous name, or an argument for a flag. */
static void say_refused(const char *argument, const struct option *table)
{
    struct nearest nearest;
    char name[64];

    if (optopt >= OPTION_BASE) {
        say_error("--%s: takes no argument", table[optopt - OPTION_BASE].name);
        return;
    }
    if (optopt != 0) {
        say_error("-%c: unknown option (options have long names: --help lists them)", optopt);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    nearest_begin(&nearest, name);
    for (size_t i = 0; table[i].name != NULL; i++)
        nearest_try(&nearest, table[i].name);
    say_error("--%s: unknown or ambiguous option; the nearest is --%s", name, nearest.name);
}

int options_parse(struct options *options, int argc, char **argv, const struct option_spec *specs, size_t spec_count)
{
    struct option *table = table_of(specs, spec_count);
    int status = -1;
    int found;

    *options = (struct options){ .values = must_alloc((spec_count + 1) * sizeof *options->values) };
    opterr = 0;
    optind = 0; /* GNU: begin anew, also after an earlier scan */
    while (status < 0 && (found = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        if (found == OPTION_BASE + OPTION_HELP || found == 'h') {
            print_help(specs, spec_count);
            status = EXIT_OK;
        } else if (found == '?') {
            say_refused(argv[optind - 1], table);
            status = EXIT_USAGE;
        } else if (found == ':') {
            say_error("%s: needs an argument", argv[optind - 1]);
            status = EXIT_USAGE;
        } else if (found < OPTION_BASE + COMMON_OPTIONS) {
            take_common(options, found - OPTION_BASE, optarg);
        } else {
            options->values[found - OPTION_BASE - COMMON_OPTIONS] = optarg ? optarg : "";
        }
    }
    options->operands = argv + optind;
    options->operand_count = argc - optind;
    free(table);
    if (status >= 0)
        options_free(options);
    return status;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < options->set_count; i++)
        free(options->sets[i]);
    free(options->sets);
    free(options->values);
    *options = (struct options){ 0 };
}

static void say_lines(const struct strbuf *lines, void (*say)(const char *line))
{
    const char *at = strbuf_text(lines);

    while (*at != '\0') {
        size_t len = strcspn(at, "\n");
        char *line = must_copy(at, len);
        say(line);
        free(line);
        at += len + (at[len] == '\n' ? 1 : 0);
    }
}

static void say_error_line(const char *line)
{
    say_error("%s", line);
}

static void say_warning_line(const char *line)
{
    say_warning("%s", line);
}

static struct config *load_config(const struct options *options, bool (*take_zone)(const char *name))
{
    struct strbuf errors = { 0 }, warnings = { 0 };
    struct config *config = config_load(options->config_path, options->sets, options->set_count, &errors, &warnings);

    say_lines(&warnings, say_warning_line);
    say_lines(&errors, say_error_line);
    if (config && !take_zone(config->log_timezone)) {
        say_error("%s: log.timezone: unknown time zone '%s'", config->log_timezone_place, config->log_timezone);
        config_free(config);
        config = NULL;
    }
    strbuf_free(&errors);
    strbuf_free(&warnings);
    return config;
}

struct config *options_config(const struct options *options)
{
    return load_config(options, zone_set);
}

struct config *options_config_again(const struct options *options)
{
    return load_config(options, zone_known);
}
