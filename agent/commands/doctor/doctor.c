/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor.h"

#include <sqlite3.h>

#include "agent/commands/commands.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/terminal.h"
#include "reader.h"

enum { OPTION_FORMAT, OPTION_SUGGEST, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_FORMAT] = { "format", "text|json", "the form in which it is printed (default: text)" },
    [OPTION_SUGGEST] = { "suggest", NULL,
                         "print sections of the configuration for what is found on this host, and check nothing" },
};

const struct arguments doctor_arguments = { "[--suggest] [--format text|json]", specs, OPTIONS, 0,
                                            .exit_wrong = STATUS_UNKNOWN };

enum doctor_format { FORMAT_TEXT, FORMAT_JSON };

static void ask_history(struct doctor *doctor)
{
    struct strbuf error = { 0 };
    sqlite3 *db = reader_open(doctor->config->history_db, &error);
    doctor->history_read = db && status_gather(&doctor->status, db, doctor->config, NULL, show_now_ms(), &error);
    if (!doctor->history_read)
        doctor_found(doctor, "history", STATUS_WARNING, "sudo systemctl enable --now iceberg-offload-agent",
                     "it cannot be read, so that it is not known how the agent is: %s", strbuf_text(&error));
    sqlite3_close(db);
    strbuf_free(&error);
}

/* As for status: unknown is where nothing was ever understood. */
static enum status_level doctor_judge(const struct doctor *doctor)
{
    bool ever = doctor->log_is_told ||
                (doctor->history_read && (doctor->status.cycle_count > 0 ||
                                          (doctor->status.agent != AGENT_NEVER && doctor->status.understood)));
    return ever ? findings_worst(doctor->found) : STATUS_UNKNOWN;
}

static int print_suggestions(const struct config *config)
{
    struct strbuf out = { 0 };
    doctor_suggest(config, &out);
    bool good = terminal_print(&out);
    strbuf_free(&out);
    return good ? STATUS_OK : STATUS_UNKNOWN;
}

int command_doctor(struct options *options)
{
    const int format = options_choice(options, OPTION_FORMAT);
    const struct config *config = format < 0 ? NULL : options_config(options);
    struct doctor doctor = { .config = config };
    struct strbuf out = { 0 };
    int code = STATUS_UNKNOWN;

    if (!config)
        return code;
    if (options->values[OPTION_SUGGEST])
        return print_suggestions(config);
    doctor.found = findings_new();
    ask_history(&doctor);
    doctor_check_log(&doctor);
    doctor_check_store(&doctor);
    doctor_check_tell(&doctor);
    doctor_check_unit(&doctor);
    doctor_check_host(&doctor);
    enum status_level level = doctor_judge(&doctor);
    if (format == FORMAT_TEXT)
        findings_text(doctor.found, level, &out);
    else
        findings_json(doctor.found, level, &out);
    if (terminal_print(&out))
        code = (int)level;
    strbuf_free(&out);
    status_free(&doctor.status);
    findings_free(doctor.found);
    return code;
}
