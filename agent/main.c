/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/commands/options.h"
#include "base/say.h"
#include "nearest.h"

static const struct command commands[] = {
    { "run", command_run, NULL, "", "tail the log in the foreground, detect trouble and notify" },
    { "report", command_report, &report_options,
      "[--incident ID] [--since T] [--until T] [--format text|markdown|json|html]",
      "the post-incident timeline, by default of the last incident" },
    { "status", command_status, &status_options, "[--watch]",
      "the health check in one screen; exits 0 OK, 1 warning, 2 critical, 3 unknown" },
    { "incidents", command_incidents, &incidents_options, "",
      "the list of incidents, newest first, with lead and recovery time" },
    { "replay", command_replay, &replay_options, "[--tz ZONE] [--until T] [--format text|json] LOG...",
      "what a live agent would have sent for a whole log (- is stdin), on the log's own clock" },
    { "annotate", command_annotate, &annotate_options, "ID --cause TEXT",
      "add the root cause, or deviations from the runbook, to an incident" },
    { "silence", command_silence, &silence_options, "DURATION [--reason TEXT] | --list | --end",
      "record but do not notify for a while" },
    { "test-webhook", command_test_webhook, NULL, "",
      "send a marked test notification through each webhook, say what came back" },
    { "check-config", command_check_config, &check_config_options, "",
      "check the configuration; every error with file and line, exits 2 on any" },
    { "parse", command_parse, NULL, "[LOG...]", "print the events of a log as JSON lines, to debug patterns" },
};
static const size_t command_count = sizeof commands / sizeof commands[0];

static void print_help(void)
{
    puts("usage: agent COMMAND [OPTION]... [ARGUMENT]...\n\n"
         "Watches the log of an Iceberg offload scheduler and notifies before the Prometheus alerts would.\n\n"
         "Commands:");
    for (size_t i = 0; i < command_count; i++)
        printf("  %-13s %s\n", commands[i].name, commands[i].summary);
    puts("\n`agent COMMAND --help` says more about one; `agent --version` says which agent this is,\n"
         "`agent --describe` lists commands, options and configuration keys as JSON.");
}

/* The head of a subcommand's help; its options follow from options_parse. */
static void print_command_head(const struct command *command)
{
    printf("usage: agent %s [OPTION]...%s%s\n\n%s\n\n", command->name, command->usage[0] != '\0' ? " " : "",
           command->usage, command->summary);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static const struct command *find_command(const char *name)
{
    struct nearest nearest;

    nearest_begin(&nearest, name);
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        nearest_try(&nearest, commands[i].name);
    }
    say_error("%s: unknown command; the nearest is '%s' (`agent --help` lists all)", name, nearest.name);
    return NULL;
}

static int run_command(int argc, char **argv)
{
    if (argc < 2) {
        say_error("no command given; `agent --help` lists all");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("iceberg-offload-agent " AGENT_VERSION);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--describe") == 0)
        return describe_print(commands, command_count) ? EXIT_OK : EXIT_FAILED;
    const struct command *command = find_command(argv[1]);
    if (!command)
        return EXIT_USAGE;
    if (asks_for_help(argc - 1, argv + 1))
        print_command_head(command);
    return command->main(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    int status = run_command(argc, argv);

    /* A full disk behind a redirected stdout shows only when the buffer is written out. */
    if (ferror(stdout) || fclose(stdout) != 0) {
        say_error("stdout: %s", errno != 0 ? strerror(errno) : "write error");
        return status == EXIT_OK ? EXIT_FAILED : status;
    }
    return status;
}
