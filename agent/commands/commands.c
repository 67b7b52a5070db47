/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/say.h"
#include "help_alerts.h"
#include "help_text.h"
#include "nearest.h"

struct command_table {
    const struct command *commands;
    size_t count;
};

static int print_help(const struct command_table *table)
{
    enum { COLUMN = 13 };

    puts("usage: agent COMMAND [OPTION]... [ARGUMENT]...\n");
    help_print_wrapped(
        "Watches the log of an Iceberg offload scheduler and notifies before the Prometheus alerts would.", 0, 0);
    puts("\nCommands:");
    for (size_t i = 0; i < table->count; i++) {
        printf("  %-*s ", COLUMN, table->commands[i].name);
        help_print_wrapped(table->commands[i].summary, COLUMN + 3, COLUMN + 3);
    }
    puts("\n`agent help COMMAND` says more about one command.\n"
         "`agent help alerts` lists what is told, and when.\n"
         "`agent --version` says which agent this is.\n"
         "`agent --describe` prints commands, options, alerts and keys as JSON.");
    return EXIT_OK;
}

static int print_command_help(const struct command *command)
{
    static const char before[] = "usage: agent ";
    struct strbuf usage = { 0 };

    strbuf_printf(&usage, "%s [OPTION]... %s", command->name, command->arguments->usage);
    fputs(before, stdout);
    help_print_wrapped(usage.at, (int)strlen(before), (int)strlen(before));
    puts("");
    help_print_wrapped(command->summary, 0, 0);
    puts("");
    options_print(command->arguments);
    strbuf_free(&usage);
    return EXIT_OK;
}

static const struct command *find_command(const struct command_table *table, const char *name)
{
    struct nearest nearest;

    nearest_begin(&nearest, name);
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->commands[i].name, name) == 0)
            return &table->commands[i];
        nearest_try(&nearest, table->commands[i].name);
    }
    const char *found = nearest_found(&nearest);
    say_error("%s: unknown command%s%s%s (`agent --help` lists all)", name, found ? "; the nearest is '" : "",
              found ? found : "", found ? "'" : "");
    return NULL;
}

static int call_command(const struct command *command, int argc, char **argv)
{
    const struct arguments *arguments = command->arguments;
    struct options options;

    switch (options_parse(&options, arguments, argc, argv)) {
    case OPTIONS_HELP: return print_command_help(command);
    case OPTIONS_WRONG: return arguments->exit_wrong ? arguments->exit_wrong : EXIT_USAGE;
    default: break;
    }
    int status = command->run(&options);
    options_free(&options);
    return status;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static int help(const struct command_table *table, const char *name)
{
    if (!name || is_one_of(name, "help", "--help", "-h"))
        return print_help(table);
    if (strcmp(name, "alerts") == 0)
        return help_alerts_print();
    const struct command *command = find_command(table, name);
    return command ? print_command_help(command) : EXIT_USAGE;
}

static int run_command(const struct command_table *table, int argc, char **argv)
{
    int place = options_find_command(argc, argv);

    if (place < 0)
        return EXIT_USAGE;
    if (place == argc) {
        say_error("no command given; `agent --help` lists all");
        return EXIT_USAGE;
    }
    char *word = argv[place];
    if (is_one_of(word, "--help", "-h", "help"))
        return help(table, *word == '-' ? NULL : argv[place + 1]);
    if (is_one_of(word, "--version", "-V", "version")) {
        puts("iceberg-offload-agent " AGENT_VERSION);
        return EXIT_OK;
    }
    if (strcmp(word, "--describe") == 0)
        return describe_print(table->commands, table->count);
    if (*word == '-') {
        say_error("%s: unknown before the command; a command's own options come after its name", word);
        return EXIT_USAGE;
    }
    const struct command *command = find_command(table, word);
    if (!command)
        return EXIT_USAGE;
    /* Options before the command's name move behind it, where they are parsed with the others. */
    memmove(&argv[2], &argv[1], (size_t)(place - 1) * sizeof *argv);
    argv[1] = word;
    return call_command(command, argc - 1, argv + 1);
}

/*
 * A file that is opened while descriptor 0, 1 or 2 is closed gets that number: 1. somebody starts the agent with stdout closed, 2. the
 * history's lock file becomes descriptor 1, 3. what is printed is written into it. So the numbers are taken first, by /dev/null opened the
 * wrong way round: to use one is an error as before.
 */
static void occupy_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return;
}

int commands_main(const struct command *commands, size_t count, int argc, char **argv)
{
    const struct command_table table = { commands, count };
    occupy_standard_descriptors();
    int status = run_command(&table, argc, argv);

    /* stdout is buffered: a full disk behind it shows only when the rest of the buffer is written. */
    if (ferror(stdout) || fclose(stdout) != 0) {
        say_error("stdout: %s", errno != 0 ? strerror(errno) : "write error");
        return status == EXIT_OK ? EXIT_FAILED : status;
    }
    return status;
}
