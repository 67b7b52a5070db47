/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_OPTIONS_H
#define COMMANDS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* An option of a subcommand; help, manual and completion are made from these and the common ones. */
struct option_spec {
    const char *name;     /* long name, without dashes */
    const char *argument; /* "FILE", or NULL for a flag */
    const char *help;
};

struct option_table {
    const struct option_spec *specs;
    size_t count;
};

/* A subcommand, one line of the table in agent/main.c. argv[0] is its name. */
struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const struct option_table *options; /* its own, or NULL */
    const char *usage;                  /* "[--tz ZONE] LOG..." */
    const char *summary;
};

/* What was said on the command line. Values are argv's own; the arrays are owned. */
struct options {
    const char *config_path;
    char **sets; /* owned array of owned strings: --set, and --log and --db as such */
    size_t set_count;
    const char **values; /* one for each option_spec: the argument, "" for a flag, NULL if absent */
    char **operands;
    int operand_count;
    bool verbose;
};

/*
 * Parses the common options and the command's own (GNU style). Returns -1 to go on, else the exit code (after --help,
 * or with the error said).
 */
int options_parse(struct options *options, int argc, char **argv, const struct option_spec *specs, size_t spec_count);
void options_free(struct options *options);

/* Those that every subcommand takes. */
extern const struct option_table common_options;

/* The configuration that these options mean, with the zone set; NULL with every error said. */
struct config *options_config(const struct options *options);

/* The same once more while threads run: the zone is checked like everything else, and stays what it is. */
struct config *options_config_again(const struct options *options);

/*
 * Every command with its options, and every configuration key, as JSON on stdout: the build makes the manual pages and the
 * completions from it. False with the error said.
 */
bool describe_print(const struct command *commands, size_t count);

/* Declared here, one per file in agent/commands/. */
extern const struct option_table report_options, status_options, incidents_options, replay_options, annotate_options,
    silence_options, check_config_options;
int command_run(int argc, char **argv);
int command_report(int argc, char **argv);
int command_status(int argc, char **argv);
int command_incidents(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_annotate(int argc, char **argv);
int command_silence(int argc, char **argv);
int command_test_webhook(int argc, char **argv);
int command_check_config(int argc, char **argv);
int command_parse(int argc, char **argv);

#endif
