/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "base/text.h"
#include "frame.h"
#include "incident.h"
#include "settings.h"
#include "silence.h"

/*
 * The room agent/config reads the configuration: INI sections and keys, checked against one table (config_keys.h). It may use base, the
 * core's settings, libinih and libcurl's URL parser, and files; it keeps nothing open.
 */

enum payload_format {
    FORMAT_GENERIC,
    FORMAT_SLACK,
    FORMAT_PAGERDUTY,
    FORMAT_ALERTMANAGER,
    FORMAT_EMAIL,
    FORMAT_NTFY,
    FORMAT_TEAMS,
    FORMAT_DISCORD,
    FORMAT_TELEGRAM,
    FORMAT_TEMPLATE, /* a file of the user's own */
    PAYLOAD_FORMATS
};

/* Which pipeline the log is of: the scheduler of the seed, or the Prefect flow that took its place. */
enum pipeline { PIPELINE_K2_SCHEDULER, PIPELINE_K2_PREFECT };

/* Whether mail goes out over a connection that is encrypted with STARTTLS. */
enum starttls { STARTTLS_REQUIRED, STARTTLS_OPTIONAL, STARTTLS_NO };

struct webhook_config {
    char *name;
    char *url;
    enum payload_format format;
    enum severity min_severity;
    int64_t timeout_ms;
    char **headers; /* "Name: value" */
    size_t header_count;
    int64_t resend_ms; /* how often an Alertmanager is told again what is open */
    char *token_file;  /* NULL: none; likewise below */
    char *ca_file;
    char *routing_key_file;
    bool evidence;                   /* whether text from the log may be sent */
    struct text_list alerts, tables; /* globs: only what matches one of them is sent here; none: all */
    char *fallback;                  /* the name of the webhook that is told what this one has not taken */
    int64_t fallback_after_ms;       /* ... for this long */
    char *template;                  /* FORMAT_TEMPLATE: the file's name, and what it holds */
    char *template_text;
    char *from; /* FORMAT_EMAIL, like the next four: "NAME <ADDRESS>" or the address alone */
    struct text_list to;
    char *user;
    char *password_file;
    enum starttls starttls;
    int64_t priority; /* FORMAT_NTFY: 1 to 5; 0: by severity */
    char *topic;      /* FORMAT_NTFY: the end of the url */
    char *server_url; /* FORMAT_NTFY: the url without its end */
    char *chat;       /* FORMAT_TELEGRAM */
};

/* A file that a key of a webhook names. */
struct webhook_file {
    const char *key;
    const char *path; /* NULL: none */
    bool is_secret;   /* found and read by secret_read() */
};
enum { WEBHOOK_FILES = 5 };
/* Fills files with all keys that name one. */
void webhook_files(const struct webhook_config *webhook, struct webhook_file files[WEBHOOK_FILES]);

/* The minimum severity of a webhook that is told nothing but what falls back to it. */
enum { SEVERITY_NEVER = SEVERITIES };

/* The URLs below which pages are found that notifications link to; NULL: none. */
struct links {
    char *runbook_base;
    char *dashboard;
    char *alertmanager; /* of its own pages, not of its API */
    char *serve;        /* of `agent serve` */
};

struct probe_config {
    char *name;
    char *url; /* NULL if there is a container, and the other way round */
    char *container;
    char *cause;       /* of the table of causes; NULL: by the probe's name */
    char *cause_place; /* "file:line" of that key, for errors; NULL if it was not given */
    int64_t timeout_ms;
};

/* What the agent is configured to do. The strings are owned; a string is NULL where nothing was said and there is no default. */
struct config {
    struct settings settings;
    char *path; /* the file it came from, or would have */
    char *log_path;
    char *log_timezone;
    char *log_timezone_place; /* "file:line" of the key, for errors; NULL if it was not given */
    char *log_owner;
    char *log_patterns;
    enum frame_format log_format;
    enum pipeline pipeline; /* [log] pipeline: its patterns, causes and words, as far as nothing else is configured */
    char *
        log_container; /* NULL: the log is a file. Else log_path is "docker:NAME", which stands for the log wherever it lies */
    char *runbooks_file;
    struct links links;
    char *history_db;
    int64_t retention_ms;
    char *host;
    struct webhook_config *webhooks;
    size_t webhook_count;
    struct probe_config *probes;
    size_t probe_count;
    struct silence_window *windows; /* [silence NAME] */
    size_t window_count;
    char *scheduler_unit; /* "": none */
    char *iceberg_warehouse;
    char *iceberg_table;
    int64_t iceberg_timeout_ms;
    char *source_url;
    char *source_query;
    char *source_user;
    char *source_password_file;
    int64_t source_timeout_ms;
    char *watermark_dsn;
    char *watermark_service;
    char *watermark_passfile;
    char *watermark_password_file;
    char *watermark_query;
    int64_t watermark_timeout_ms;
    char *prefect_url; /* NULL: none */
    char *prefect_pool, *prefect_flow;
    char *prefect_token_file; /* NULL: none */
    int64_t prefect_timeout_ms;
    char *metrics_url;
    char *metrics_textfile;
    char *serve_listen;
    char *serve_token_file; /* NULL: none; likewise the next one */
    char *serve_title;
    char *serve_allow_origin; /* NULL: none; origins, parted by commas */
    int64_t serve_idle_exit_ms;
    char *heartbeat_url;
    int64_t heartbeat_every_ms;
};

const char *config_format_name(enum payload_format format); /* "generic", "slack" ... */

/*
 * Reads the file at path, then the "section.key=value" settings, which win. If path is NULL the file is the one that $AGENT_CONFIG
 * names, or the default one, which may be absent. On any error returns NULL, with a line "file:line: why" for each error in *errors.
 * *warnings gets a line for each thing that does not stop the agent, such as a file with secrets that everybody may read.
 */
struct config *config_load(const char *path, char *const *sets, size_t set_count, struct strbuf *errors,
                           struct strbuf *warnings);
void config_free(struct config *config);

/*
 * The table of causes (causes.h): the built-in one, and what the configured file adds to it and replaces in it. NULL if that file or a
 * probe's cause is wrong, with a line "file:line: why" for each error in *error. config may be NULL: then it is the built-in one. The caller
 * frees it with causes_free.
 */
struct causes;
/* The patterns that the log is read with, as parser_open() takes them: those configured, else those of the pipeline. */
const char *config_patterns(const struct config *config);
struct causes *config_causes(const struct config *config, struct strbuf *error);

/*
 * After a reload: where only a restart can change a key, fresh gets the running value. *kept gets a line for each such key that
 * somebody changed.
 */
void config_keep(struct config *fresh, const struct config *running, struct strbuf *kept);

/* *lost gets a line for each file that somebody changed in the configuration and that is out of reach until a restart (base/reach.h). */
void config_find_lost_files(const struct config *fresh, const struct config *running, struct strbuf *lost);

#endif
