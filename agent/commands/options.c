/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "base/zone.h"
#include "help_text.h"
#include "nearest.h"
#include "reader.h"

enum { OPTION_CONFIG, OPTION_LOG, OPTION_DB, OPTION_SET, OPTION_VERBOSE, OPTION_HELP, COMMON_OPTIONS };

/* Numbers of the long options. They begin above every character, which is what getopt_long returns for '?', ':' and 'h'. */
enum { OPTION_BASE = 256 };

static const struct option_spec common_specs[COMMON_OPTIONS] = {
    [OPTION_CONFIG] = { "config", "FILE",
                        "the configuration (default: $AGENT_CONFIG, else " AGENT_SYSCONFDIR
                        "/iceberg-offload-agent/agent.conf)" },
    [OPTION_LOG] = { "log", "FILE", "the scheduler's log; the same as --set log.path=FILE" },
    [OPTION_DB] = { "db", "FILE", "the history database; the same as --set history.db=FILE" },
    [OPTION_SET] = { "set", "SECTION.KEY=VALUE", "set a configuration key; may be repeated, and wins over the file" },
    [OPTION_VERBOSE] = { "verbose", NULL, "say more about what is done" },
    [OPTION_HELP] = { "help", NULL, "this help" },
};

const struct arguments common_arguments = { .specs = common_specs, .spec_count = COMMON_OPTIONS };

/* A name that is too long for its column has a line of its own. */
static void print_specs(const struct option_spec *specs, size_t count)
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
        printf("  %-*s ", COLUMN, left);
        help_print_wrapped(specs[i].help, COLUMN + 3, COLUMN + 3);
    }
}

void options_print(const struct arguments *arguments)
{
    puts("Options:");
    print_specs(arguments->specs, arguments->spec_count);
    print_specs(common_specs, COMMON_OPTIONS);
}

static struct option *getopt_table(const struct arguments *arguments)
{
    size_t count = arguments->spec_count;
    struct option *table = must_alloc((COMMON_OPTIONS + count + 1) * sizeof *table);

    for (size_t i = 0; i < COMMON_OPTIONS + count; i++) {
        const struct option_spec *spec = i < COMMON_OPTIONS ? &common_specs[i] : &arguments->specs[i - COMMON_OPTIONS];
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

/* Says what getopt_long refused: an unknown or ambiguous name, or an argument for a flag. */
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
    const char *found = nearest_found(&nearest);
    say_error("--%s: unknown or ambiguous option%s%s (--help lists them)", name, found ? "; the nearest is --" : "",
              found ? found : "");
}

/* Takes the next option of argv. OPTIONS_READ: there may be more. */
static enum options_result take_option(struct options *options, int found, char **argv, const struct option *table)
{
    if (found == OPTION_BASE + OPTION_HELP || found == 'h')
        return OPTIONS_HELP;
    if (found == '?') {
        say_refused(argv[optind - 1], table);
        return OPTIONS_WRONG;
    }
    if (found == ':') {
        say_error("%s: needs an argument", argv[optind - 1]);
        return OPTIONS_WRONG;
    }
    if (found < OPTION_BASE + COMMON_OPTIONS)
        take_common(options, found - OPTION_BASE, optarg);
    else
        options->values[found - OPTION_BASE - COMMON_OPTIONS] = optarg ? optarg : "";
    return OPTIONS_READ;
}

enum options_result options_parse(struct options *options, const struct arguments *arguments, int argc, char **argv)
{
    struct option *table = getopt_table(arguments);
    enum options_result result = OPTIONS_READ;
    int found;

    *options = (struct options){ .command = argv[0],
                                 .arguments = arguments,
                                 .values = must_alloc((arguments->spec_count + 1) * sizeof *options->values) };
    opterr = 0;
    optind = 0; /* makes glibc's getopt begin anew */
    while (result == OPTIONS_READ && (found = getopt_long(argc, argv, ":h", table, NULL)) != -1)
        result = take_option(options, found, argv, table);
    options->operands = argv + optind;
    options->operand_count = argc - optind;
    if (result == OPTIONS_READ && options->operand_count > arguments->operands_most) {
        say_error("%s: '%s': unexpected operand (agent %s --help says what it takes)", options->command,
                  options->operands[arguments->operands_most], options->command);
        result = OPTIONS_WRONG;
    }
    free(table);
    if (result != OPTIONS_READ)
        options_free(options);
    return result;
}

int options_find_command(int argc, char **argv)
{
    static const struct arguments none = { .usage = "" };
    struct option *table = getopt_table(&none);
    int place, found;

    opterr = 0;
    optind = 0;
    do {
        place = optind ? optind : 1;
        /* "+": stop at the first argument that is no option, instead of looking for options behind it. */
        found = getopt_long(argc, argv, "+:", table, NULL);
    } while (found >= OPTION_BASE && found != OPTION_BASE + OPTION_HELP);
    if (found == -1)
        place = optind; /* behind a "--", if there is one */
    if (found == ':') {
        say_error("%s: needs an argument", argv[place]);
        place = -1;
    } else if (found == '?' && optopt >= OPTION_BASE) {
        say_refused(argv[place], table);
        place = -1;
    }
    free(table);
    return place;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < options->set_count; i++)
        free(options->sets[i]);
    free(options->sets);
    free(options->values);
    config_free(options->config);
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

struct config *options_config(struct options *options)
{
    if (!options->config)
        options->config = load_config(options, zone_set);
    return options->config;
}

struct config *options_config_again(const struct options *options)
{
    return load_config(options, zone_known);
}

int options_choice(const struct options *options, size_t option)
{
    const struct option_spec *spec = &options->arguments->specs[option];
    const char *value = options->values[option], *word = spec->argument;
    struct strbuf words = { 0 };

    if (!value)
        return 0;
    for (int i = 0; *word != '\0'; i++) {
        size_t len = strcspn(word, "|");
        if (strlen(value) == len && memcmp(value, word, len) == 0)
            return i;
        word += len + (word[len] == '|' ? 1 : 0);
    }
    for (word = spec->argument; *word != '\0'; word++)
        strbuf_add(&words, *word == '|' ? ", " : word, *word == '|' ? 2 : 1);
    say_error("%s: --%s: '%s' is none of %s", options->command, spec->name, value, strbuf_text(&words));
    strbuf_free(&words);
    return -1;
}

bool options_number(const char *text, int64_t least, int64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *number >= least;
}

int options_history(struct options *options, enum history_access access, struct sqlite3 **db)
{
    const struct config *config = options_config(options);
    struct strbuf error = { 0 };

    if (!config)
        return EXIT_USAGE;
    *db = access == HISTORY_READ ? reader_open(config->history_db, &error) : editor_open(config->history_db, &error);
    if (!*db)
        say_error("%s: %s", options->command, strbuf_text(&error));
    strbuf_free(&error);
    return *db ? EXIT_OK : EXIT_FAILED;
}
