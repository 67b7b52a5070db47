/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_OPTIONS_H
#define COMMANDS_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* An option of a command. The help, the manual page and the completions are made from these. */
struct option_spec {
    const char *name;     /* the long name, without dashes */
    const char *argument; /* "FILE", or "text|json" where only these words are allowed; NULL for a flag */
    const char *help;
};

enum { OPERANDS_ANY = INT_MAX };

/* What a command takes on its command line, beside the options that all commands take. */
struct arguments {
    const char *usage; /* "[--tz ZONE] LOG...", for the help */
    const struct option_spec *specs;
    size_t spec_count;
    int operands_most;
    int exit_wrong; /* the exit code for a wrong command line; 0: EXIT_USAGE */
};

/* The options that all commands take: --config, --log, --db, --set, --verbose and --help. */
extern const struct arguments common_arguments;

/* What the command line said. Strings are argv's own unless they are said to be owned. */
struct options {
    const char *command;
    const struct arguments *arguments;
    const char *config_path;
    char **sets; /* owned array of owned strings: --set, and --log and --db in the same form */
    size_t set_count;
    const char **values; /* one for each option_spec: the argument, "" for a flag, NULL if absent */
    char **operands;
    int operand_count;
    bool verbose;
    struct config *config; /* owned; NULL until options_config is called */
};

enum options_result { OPTIONS_READ, OPTIONS_HELP, OPTIONS_WRONG };

/*
 * Parses what follows the command's name in argv, which begins with that name. OPTIONS_HELP: --help was among it. OPTIONS_WRONG: the error
 * was said. Only after OPTIONS_READ there is something to free.
 */
enum options_result options_parse(struct options *options, const struct arguments *arguments, int argc, char **argv);
void options_free(struct options *options);

/*
 * The place in argv of the first argument that is not an option that all commands take: the command's name, or an option like --version.
 * argc if there is none; -1, with the error said, if an option lacks its argument or has one that it does not take.
 */
int options_find_command(int argc, char **argv);

/* Prints a command's own options and the common ones, with their help. */
void options_print(const struct arguments *arguments);

/* The configuration that the options name, read at the first call. NULL, with every error said, if it is wrong. It stays options's own. */
struct config *options_config(struct options *options);

/* Reads it once more while threads run: the zone of the process is not set again, only checked. The caller owns the result. */
struct config *options_config_again(const struct options *options);

/* Which word of an option's "text|json" was given, from 0 on; 0 if the option is absent; -1, with the error said, if it is none of them. */
int options_choice(const struct options *options, size_t option);

/* Reads a whole number of at least `least` from text. False if it is none. */
bool options_number(const char *text, int64_t least, int64_t *number);

enum history_access { HISTORY_READ, HISTORY_EDIT };

/*
 * Opens the history that the options name; the caller closes *db with sqlite3_close. Returns EXIT_OK, else the exit code, with the error
 * said.
 */
struct sqlite3;
int options_history(struct options *options, enum history_access access, struct sqlite3 **db);

#endif
