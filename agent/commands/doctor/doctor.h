/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_DOCTOR_DOCTOR_H
#define COMMANDS_DOCTOR_DOCTOR_H

#include "agent/commands/status/status.h"
#include "config.h"

/*
 * `agent doctor` looks at everything that could keep the agent from seeing or telling. doctor.c is the command; check_log.c, check_container.c, check_store.c,
 * check_tell.c, check_unit.c and check_host.c look; suggest.c and drop_in.c say what could be configured; findings.c keeps and prints what they
 * found. Nothing is changed and nothing is sent.
 */
struct finding_list;

struct doctor {
    const struct config *config;
    struct finding_list *found;
    struct status status; /* what the history says */
    bool history_read;
    bool log_is_told; /* something in the log is understood now */
};

/* Takes what a check found: in which state it is, in words, and the command that mends it (NULL: there is nothing to mend). */
__attribute__((format(printf, 5, 6))) void doctor_found(struct doctor *doctor, const char *check,
                                                        enum status_level level, const char *mend, const char *format,
                                                        ...);

struct finding_list *findings_new(void);
void findings_free(struct finding_list *list);
enum status_level findings_worst(const struct finding_list *list);
void findings_text(const struct finding_list *list, enum status_level level, struct strbuf *out);
void findings_json(const struct finding_list *list, enum status_level level, struct strbuf *out);

void doctor_check_log(struct doctor *doctor); /* path, permissions, inotify, lease, patterns, zone */
/* Of [log] container: whether Docker answers, and from where its log comes. The path to look at, or NULL, with the finding; owned. */
char *doctor_check_container(struct doctor *doctor);
void doctor_check_store(struct doctor *doctor); /* the agent, its history, the disks */
void doctor_check_tell(struct doctor *doctor);  /* webhooks, heartbeat */
void doctor_check_unit(struct doctor *doctor);  /* what systemd says of the scheduler, what the host shows */
void doctor_check_host(struct doctor *doctor);  /* probes, units, the clock */

/* suggest.c: appends sections of the configuration for what is found on this host and not configured yet, to be pasted by a person. */
void doctor_suggest(const struct config *config, struct strbuf *out);

/* drop_in.c: what the service's unit keeps from the agent, and the configured witnesses need. */
struct witness_needs {
    const char *warehouse; /* NULL: none */
    bool docker;
    bool container_log; /* Docker's file of a container's log may be read by root only */
};
struct witness_needs witness_needs_of(const struct config *config);
/* Appends the lines of a drop-in for them, each behind the given start of a line. Returns false if none is needed. */
bool drop_in_lines(const struct witness_needs *needs, const char *start, struct strbuf *out);

#endif
