/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/commands.h"
#include "agent/commands/serve.h"

/* The help, the manual page and the completions are made from this table and from the arguments that it names. */
static const struct command commands[] = {
    { "run", command_run, &run_arguments, "watch the log in the foreground, detect trouble and notify" },
    { "report", command_report, &report_arguments,
      "print the timeline of an incident, by default of the last one, or of a period" },
    { "status", command_status, &status_arguments,
      "show the health in one screen; exits 0 OK, 1 warning, 2 critical, 3 unknown" },
    { "doctor", command_doctor, &doctor_arguments,
      "check all that could keep the agent from seeing or telling, with the command that mends each; exits as status" },
    { "incidents", command_incidents, &incidents_arguments,
      "list the incidents, newest first, with how long each lasted" },
    { "replay", command_replay, &replay_arguments,
      "show what a live agent would have sent for a whole log (- is stdin), on the log's own clock" },
    { "annotate", command_annotate, &annotate_arguments,
      "add the root cause, or deviations from the runbook, to an incident" },
    { "ack", command_ack, &ack_arguments,
      "acknowledge an incident: nobody is reminded of it, and it is not escalated" },
    { "silence", command_silence, &silence_arguments, "record incidents, but notify nobody for a while" },
    { "test-webhook", command_test_webhook, &test_webhook_arguments,
      "send a marked test notification through each webhook and say what came back" },
    { "check-config", command_check_config, &check_config_arguments,
      "check the configuration and say every error with file and line; exits 2 if there is one" },
    { "serve", command_serve, &serve_arguments,
      "show the history in a browser: a small web server that only reads, in a program of its own" },
    { "parse", command_parse, &parse_arguments,
      "print the events of a log as JSON lines, or what no pattern takes, to debug patterns" },
};

int main(int argc, char **argv)
{
    return commands_main(commands, sizeof commands / sizeof commands[0], argc, argv);
}
