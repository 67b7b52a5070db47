/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"

#include <curl/curl.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask.h"
#include "durations.h"

void check_put_place(const struct config_loader *loader, const char *item, const char *key, struct strbuf *out)
{
    int line = config_line_of(loader, item, key);

    if (line == CONFIG_LINE_NONE)
        line = config_line_of(loader, item, NULL);
    if (line > 0)
        strbuf_printf(out, "%s:%d", loader->path, line);
    else
        strbuf_puts(out, "--set");
}

void check_put_entry(const struct config_loader *loader, const char *item, const char *key, struct strbuf *out)
{
    check_put_place(loader, item, key, out);
    strbuf_printf(out, ": %s.%s: ", item, key);
}

void check_alert_globs(struct config_loader *loader, const char *item, const struct text_list *globs)
{
    for (size_t i = 0; i < globs->count; i++) {
        if (alert_glob_is_known(globs->texts[i]))
            continue;
        check_put_entry(loader, item, "alert", loader->errors);
        strbuf_printf(loader->errors, "no alert is called '%s'; agent(1) lists all\n", globs->texts[i]);
    }
}

/* A window without a day and a time is in force always, which is more often a mistake than a wish. */
static void check_window(struct config_loader *loader, const struct silence_window *window)
{
    char item[130];

    snprintf(item, sizeof item, "silence %s", window->name);
    check_alert_globs(loader, item, &window->scope.alerts);
    if (config_line_of(loader, item, "days") == CONFIG_LINE_NONE &&
        config_line_of(loader, item, "from") == CONFIG_LINE_NONE &&
        config_line_of(loader, item, "to") == CONFIG_LINE_NONE) {
        check_put_place(loader, item, NULL, loader->warnings);
        strbuf_printf(loader->warnings, ": [%s] has neither days nor from and to, so it is in force always\n", item);
    }
}

static void check_probe(struct config_loader *loader, struct probe_config *probe)
{
    char item[130];

    snprintf(item, sizeof item, "probe %s", probe->name);
    if (probe->cause) {
        struct strbuf place = { 0 };
        check_put_place(loader, item, "cause", &place);
        probe->cause_place = place.at;
    }
    bool has_url = config_line_of(loader, item, "url") != CONFIG_LINE_NONE;
    if (has_url && probe->container) {
        check_put_entry(loader, item, "container", loader->errors);
        strbuf_puts(loader->errors, "either a url or a container, not both\n");
    } else if (!has_url && !probe->container) {
        check_put_entry(loader, item, "url", loader->errors);
        strbuf_puts(loader->errors, "missing (or a container)\n");
    }
}

/* Warns if a warning threshold lies beyond its critical one, so that the warning can never come first. 0 is derived, not given. */
static void check_order(struct config_loader *loader, const char *section, const char *warning, int64_t warning_value,
                        const char *critical, int64_t critical_value)
{
    if (warning_value == 0 || critical_value == 0 || warning_value <= critical_value)
        return;
    bool given = config_line_of(loader, section, warning) != CONFIG_LINE_NONE;
    check_put_entry(loader, section, given ? warning : critical, loader->warnings);
    strbuf_printf(loader->warnings, "%s is above %s, so its warning never comes first\n", warning, critical);
}

/* What Docker allows in a container's name. */
static const char container_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/* The name by which the log is known, in messages and keys: it stays when the container is made anew. */
static void name_log_after_container(struct config *config)
{
    struct strbuf path = { 0 };
    if (!config->log_container)
        return;
    strbuf_printf(&path, "docker:%s", config->log_container);
    free(config->log_path);
    config->log_path = path.at;
    if (config->log_format == FRAME_PLAIN)
        config->log_format = FRAME_DOCKER;
}

static void check_log(struct config_loader *loader)
{
    struct config *config = loader->config;

    if (config->log_container && strspn(config->log_container, container_letters) != strlen(config->log_container)) {
        check_put_entry(loader, "log", "container", loader->errors);
        strbuf_printf(loader->errors, "'%s' is not the name of a container\n", config->log_container);
    }
    name_log_after_container(config);
    if (config->log_path[0] == '\0' || config->log_path[strlen(config->log_path) - 1] == '/') {
        check_put_entry(loader, "log", "path", loader->errors);
        strbuf_printf(loader->errors, "'%s' is not the name of a file\n", config->log_path);
    }
    errno = 0;
    /* If the users' database does not answer, that is said where the log is opened. */
    if (config->log_owner && getpwnam(config->log_owner) == NULL && errno == 0) {
        check_put_entry(loader, "log", "owner", loader->errors);
        strbuf_printf(loader->errors, "no such user '%s'\n", config->log_owner);
    }
}

static void check_textfile(struct config_loader *loader)
{
    const char *path = loader->config->metrics_textfile;
    const char *ending = path ? strrchr(path, '.') : NULL;

    if (path && (!ending || strcmp(ending, ".prom") != 0)) {
        check_put_entry(loader, "metrics", "textfile", loader->warnings);
        strbuf_puts(loader->warnings, "node_exporter reads only files named *.prom\n");
    }
}

void config_check(struct config_loader *loader)
{
    struct config *config = loader->config;
    const struct settings *settings = &config->settings;

    config->settings.writer = config->pipeline == PIPELINE_K2_PREFECT ? "worker" : "scheduler";
    check_log(loader);
    check_textfile(loader);

    if (config->log_timezone) {
        struct strbuf place = { 0 };
        check_put_place(loader, "log", "timezone", &place);
        config->log_timezone_place = place.at;
    }
    warn_of_public_file(loader, "watermark", "passfile", config->watermark_passfile);
    warn_of_public_file(loader, "watermark", "password_file", config->watermark_password_file);
    config_check_webhooks(loader);
    config_check_serve(loader);
    for (size_t i = 0; i < config->probe_count; i++)
        check_probe(loader, &config->probes[i]);
    for (size_t i = 0; i < config->window_count; i++)
        check_window(loader, &config->windows[i]);
    check_order(loader, "schedule", "late_warning", settings->schedule.late_warning_ms, "late_critical",
                settings->schedule.late_critical_ms);
    check_order(loader, "detect", "failures_warning", settings->detect.failures_warning, "failures_critical",
                settings->detect.failures_critical);
    check_order(loader, "detect", "cycle_slow", settings->detect.cycle_slow_ms, "cycle_too_slow",
                settings->detect.cycle_too_slow_ms);
    check_order(loader, "detect", "lag_warning", settings->detect.lag_warning_ms, "lag_critical",
                settings->detect.lag_critical_ms);
    check_order(loader, "detect", "stall_warning_runs", settings->detect.stall_warning_runs, "stall_critical_runs",
                settings->detect.stall_critical_runs);
}

/* Returns true if the URL has more than scheme, host and port: whoever knows the rest may be able to post. */
static bool url_is_secret(const char *text)
{
    CURLU *url = curl_url();
    char *user = NULL, *path = NULL, *query = NULL;
    bool secret = curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
                  curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK ||
                  curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK ||
                  (curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") != 0);

    curl_free(query);
    curl_free(path);
    curl_free(user);
    curl_url_cleanup(url);
    return secret;
}

/* Returns true if the URL of a page that is only read has a user or a key in it. Its path is not a secret. */
static bool url_holds_secret(const char *text)
{
    struct strbuf masked = { 0 };
    const char *query = strchr(text, '?');
    mask_secrets(text, &masked);
    bool secret =
        strcmp(strbuf_text(&masked), text) != 0 || (query && (strcasestr(query, "key=") || strcasestr(query, "auth")));
    strbuf_free(&masked);
    return secret;
}

/* Returns true for a header whose value may be a secret: any but those that every program sends. */
static bool header_is_secret(const char *header)
{
    static const char *const harmless[] = { "accept:", "content-type:", "user-agent:" };
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (strncasecmp(header, harmless[i], strlen(harmless[i])) == 0)
            return false;
    return true;
}

static bool webhook_is_secret(const struct webhook_config *webhook)
{
    if (webhook->url && !config_url_is_default(webhook) && url_is_secret(webhook->url))
        return true;
    for (size_t i = 0; i < webhook->header_count; i++)
        if (header_is_secret(webhook->headers[i]))
            return true;
    return false;
}

static void warn_of_secret(struct config_loader *loader, const char *section, const char *name)
{
    strbuf_printf(loader->warnings, "%s: [%s%s%s] holds a secret, and everybody may read the file: chmod o= %s\n",
                  loader->path, section, name ? " " : "", name ? name : "", loader->path);
}

void config_check_secrets(struct config_loader *loader)
{
    const struct config *config = loader->config;
    if (!loader->readable_by_all)
        return;
    for (size_t i = 0; i < config->webhook_count; i++)
        if (webhook_is_secret(&config->webhooks[i]))
            warn_of_secret(loader, "webhook", config->webhooks[i].name);
    for (size_t i = 0; i < config->probe_count; i++)
        if (config->probes[i].url && url_holds_secret(config->probes[i].url))
            warn_of_secret(loader, "probe", config->probes[i].name);
    if (config->heartbeat_url && url_is_secret(config->heartbeat_url))
        warn_of_secret(loader, "heartbeat", NULL);
    if (config->metrics_url && url_holds_secret(config->metrics_url))
        warn_of_secret(loader, "metrics", NULL);
}
