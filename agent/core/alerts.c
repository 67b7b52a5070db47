/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alerts.h"

#include "kinds.h"

/* What kinds.c has of each kind is put beside its texts when the list is asked for. */
static const struct alert_text {
    const char *means, *warning_when, *critical_when;
    const char *first_kind, *first_command;
} texts[KINDS] = {
    [KIND_FAILURES] = { "a table fails again and again, so no new data arrive",
                        "a table failed {detect.failures_warning} times in a row",
                        "it failed {detect.failures_critical} times in a row; or twice, where its lag will be critical "
                        "before it can try again (always so with an interval of 15 minutes); or once, while a probe "
                        "sees the component down that explains it",
                        .first_kind = "failures" },
    [KIND_LAG] = { "a table's last success is too old, and no other incident explains it",
                   "the last success is older than {detect.lag_warning}; a table that was taken out of the "
                   "scheduler's configuration is one warning, which ends by itself",
                   "the last success is older than {detect.lag_critical}", .first_kind = "lag" },
    [KIND_SLOW] = { "a cycle takes too long, or cycles become slower",
                    "a cycle has run for {detect.cycle_slow}; or cycles were unusually slow for this host, two in a "
                    "row or for 25 minutes; or they become slower so steadily that they will reach "
                    "{detect.cycle_slow} within hours",
                    "a cycle has run for {detect.cycle_too_slow}", .first_kind = "slow" },
    [KIND_STALL] = { "a table's runs succeed and move no rows, although there should be some",
                     "{detect.stall_warning_runs} runs in a row or more moved 0 rows, and by the table's own history "
                     "the chance of that is below {detect.stall_warning_p}; where the table's witnesses are "
                     "configured, the first run that left rows behind",
                     "{detect.stall_critical_runs} or more, and the chance is below {detect.stall_critical_p}; by the "
                     "table's witnesses, the second such run in a row",
                     .first_kind = "stall" },
    [KIND_DOWN] = { "the scheduler died, was stopped and is not back, is late, or hangs",
                    "it died; or it was stopped and is not back within {schedule.stop_grace}; or it has not begun a "
                    "promised run within {schedule.late_warning}",
                    "it is not back within {schedule.restart_grace} of its death, or systemd has given it up; or a "
                    "promised run is {schedule.late_critical} late; or it hangs: a run is silent for "
                    "{schedule.table_timeout} and {schedule.hang_grace} more",
                    .first_kind = "scheduler-down" },
    [KIND_CRASH_LOOP] = { "the scheduler dies and is restarted again and again",
                          "3 restarts within 24 hours without an orderly stop before them",
                          "meanwhile no cycle has completed for two intervals and 120 seconds",
                          .first_kind = "crash-loop" },
    [KIND_SUCCESS_RATE] = { "a table fails on and off, more often than it used to",
                            "a table failed more than {detect.flapping_per_day} times within 24 hours without failing "
                            "twice in a row, and that is rare for it; or {detect.flapping_per_day} times within a few "
                            "hours, where it failed far less before",
                            NULL, .first_kind = "failures" },
    [KIND_THROUGHPUT] = { "a table moves far fewer rows than usual",
                          "in four runs or more, a table moved far fewer rows than in the same hours of the last four "
                          "weeks",
                          NULL, .first_kind = "throughput" },
    [KIND_LOG] = { "the agent cannot read the log, or understands nothing of it, and would not notice trouble",
                   "the log may not be read, or was deleted under its writer; or there is none for an interval; or "
                   "nothing in it is understood; or its summaries and its lines differ for three cycles",
                   "there is no log for three intervals", .first_command = "agent doctor" },
    [KIND_DELIVERY] = { "a webhook takes nothing; the other webhooks are told",
                        "a webhook has taken nothing for 10 minutes, or refuses what it is sent", NULL,
                        .first_command = "agent test-webhook" },
};

bool alert_entry(size_t place, struct alert_entry *entry)
{
    if (place >= KINDS)
        return false;
    const struct kind_facts *facts = kind_facts((enum incident_kind)place);
    const struct alert_text *text = &texts[place];
    *entry = (struct alert_entry){
        .warning = facts->warning,
        .critical = facts->critical,
        .means = text->means,
        .warning_when = text->warning_when,
        .critical_when = text->critical_when,
        .first_kind = text->first_kind,
        .first_command = text->first_command,
    };
    return true;
}
