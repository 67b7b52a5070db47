/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "incident.h"
#include "settings.h"

enum payload_format { FORMAT_GENERIC, FORMAT_SLACK, FORMAT_PAGERDUTY, FORMAT_ALERTMANAGER };

struct webhook_config {
    char *name;
    char *url;
    enum payload_format format;
    enum severity min_severity;
    int64_t timeout_ms;
    char **headers; /* "Name: value" */
    size_t header_count;
    int64_t resend_ms; /* an Alertmanager is told again of what is open */
    char *token_file;  /* or NULL, likewise below */
    char *ca_file;
    char *routing_key_file;
};

struct probe_config {
    char *name;
    char *url; /* one of url and container */
    char *container;
    int64_t timeout_ms;
};

/* Everything the agent is told. Owned strings; NULL where nothing was said and no default exists. */
struct config {
    struct settings settings;
    char *path; /* the file it came from, or would have */
    char *log_path;
    char *log_timezone;
    char *log_timezone_place; /* "file:line" where it was said, for an error: NULL if it was not */
    char *log_owner;
    char *log_patterns;
    char *history_db;
    int64_t retention_ms;
    char *host;
    struct webhook_config *webhooks;
    size_t webhook_count;
    struct probe_config *probes;
    size_t probe_count;
    char *metrics_url;
    char *metrics_textfile;
    char *heartbeat_url;
    int64_t heartbeat_every_ms;
};

/*
 * Reads path (NULL: AGENT_CONFIG or the default place, which may be absent), then the "section.key=value" settings,
 * which win. On any error returns NULL, with every error found in *errors, a line each: "file:line: why". Warnings
 * that do not stop the agent (a file with secrets that others may read) go to *warnings.
 */
struct config *config_load(const char *path, char *const *sets, size_t set_count, struct strbuf *errors,
                           struct strbuf *warnings);
void config_free(struct config *config);

/*
 * After a reload: where only a restart can change a key, fresh takes the running value over. Each that somebody changed is
 * said in *kept, a line each.
 */
void config_keep(struct config *fresh, const struct config *running, struct strbuf *kept);

#endif
