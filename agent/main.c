/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/commands.h"

/* The help, the manual page and the completions are made from this table and from the arguments that it names. */
static const struct command commands[] = {
    { "run", command_run, &run_arguments, "tail the log in the foreground, detect trouble and notify" },
    { "report", command_report, &report_arguments, "the post-incident timeline, by default of the last incident" },
    { "status", command_status, &status_arguments,
      "the health check in one screen; exits 0 OK, 1 warning, 2 critical, 3 unknown" },
    { "incidents", command_incidents, &incidents_arguments,
      "the list of incidents, newest first, with lead and recovery time" },
    { "replay", command_replay, &replay_arguments,
      "what a live agent would have sent for a whole log (- is stdin), on the log's own clock" },
    { "annotate", command_annotate, &annotate_arguments,
      "add the root cause, or deviations from the runbook, to an incident" },
    { "silence", command_silence, &silence_arguments, "record but do not notify for a while" },
    { "test-webhook", command_test_webhook, &test_webhook_arguments,
      "send a marked test notification through each webhook, say what came back" },
    { "check-config", command_check_config, &check_config_arguments,
      "check the configuration; every error with file and line, exits 2 on any" },
    { "parse", command_parse, &parse_arguments, "print the events of a log as JSON lines, to debug patterns" },
};

int main(int argc, char **argv)
{
    return commands_main(commands, sizeof commands / sizeof commands[0], argc, argv);
}
