/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_COMMANDS_H
#define COMMANDS_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

/*
 * The commands: one file of this folder each, or a folder of their own where they are long. They may use every room below, and nothing
 * below may use them. A command is called with its command line parsed, prints to stdout and stderr, and returns the exit code of the
 * process.
 */

/* One line of the table in agent/main.c. */
struct command {
    const char *name;
    int (*run)(struct options *options);
    const struct arguments *arguments;
    const char *summary;
};

/* Runs the command that argv names, or prints the help or the version. Returns the exit code of the process. */
int commands_main(const struct command *commands, size_t count, int argc, char **argv);

/*
 * Prints every command with its options, every alert and every configuration key as JSON on stdout: the build makes the manual pages and the
 * completions from it. Returns the exit code.
 */
int describe_print(const struct command *commands, size_t count);

extern const struct arguments run_arguments, report_arguments, status_arguments, incidents_arguments, replay_arguments,
    annotate_arguments, ack_arguments, silence_arguments, test_webhook_arguments, check_config_arguments,
    parse_arguments, doctor_arguments;
int command_run(struct options *options);
int command_report(struct options *options);
int command_status(struct options *options);
int command_incidents(struct options *options);
int command_replay(struct options *options);
int command_annotate(struct options *options);
int command_ack(struct options *options);
int command_silence(struct options *options);
int command_test_webhook(struct options *options);
int command_check_config(struct options *options);
int command_parse(struct options *options);
int command_doctor(struct options *options);
int command_serve(struct options *options);

#endif
