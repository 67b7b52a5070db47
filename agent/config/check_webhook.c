/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/reach.h"
#include "check.h"
#include "secrets.h"
#include "template.h"

static const char ALERTMANAGER_PATH[] = "/api/v2/alerts";
enum { TEMPLATE_MAX_BYTES = 64 * 1024 };

/* The URL of a format whose receiver is one service for everybody; NULL: there is no such URL. */
static const char *default_url(enum payload_format format)
{
    return format == FORMAT_PAGERDUTY  ? "https://events.pagerduty.com/v2/enqueue"
           : format == FORMAT_TELEGRAM ? "https://api.telegram.org"
                                       : NULL;
}

bool config_url_is_default(const struct webhook_config *webhook)
{
    const char *url = default_url(webhook->format);
    return url && webhook->url && strcmp(webhook->url, url) == 0;
}

/* An Alertmanager is configured by its base URL; this adds the path of its API. */
static void complete_alertmanager_url(struct webhook_config *webhook)
{
    CURLU *url = curl_url();
    char *path = NULL, *whole = NULL;

    if (curl_url_set(url, CURLUPART_URL, webhook->url, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") == 0 &&
        curl_url_set(url, CURLUPART_PATH, ALERTMANAGER_PATH, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK) {
        free(webhook->url);
        webhook->url = must_copy(whole, strlen(whole));
    }
    curl_free(whole);
    curl_free(path);
    curl_url_cleanup(url);
}

/*
 * A topic of ntfy is configured by its URL. The messages are sent as JSON, which goes to the server's own URL and names the topic, so it is
 * parted from the last part of the path. Returns false if that is not the name of a topic.
 */
static bool take_topic(struct webhook_config *webhook)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    enum { TOPIC_MOST = 64 };
    CURLU *url = curl_url();
    char *path = NULL, *whole = NULL;
    bool good = curl_url_set(url, CURLUPART_URL, webhook->url, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK;
    char *topic = good ? strrchr(path, '/') + 1 : NULL;
    good = good && topic[0] != '\0' && topic[strspn(topic, allowed)] == '\0' && strlen(topic) <= TOPIC_MOST;
    if (good) {
        webhook->topic = must_copy(topic, strlen(topic));
        *topic = '\0';
        good = curl_url_set(url, CURLUPART_PATH, path, 0) == CURLUE_OK &&
               curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK;
    }
    if (good)
        webhook->server_url = must_copy(whole, strlen(whole));
    curl_free(whole);
    curl_free(path);
    curl_url_cleanup(url);
    return good;
}

void webhook_files(const struct webhook_config *webhook, struct webhook_file files[WEBHOOK_FILES])
{
    const struct webhook_file all[WEBHOOK_FILES] = {
        { "token_file", webhook->token_file, true },       { "routing_key_file", webhook->routing_key_file, true },
        { "password_file", webhook->password_file, true }, { "ca_file", webhook->ca_file, false },
        { "template", webhook->template, false },
    };
    memcpy(files, all, sizeof all);
}

void warn_of_public_file(struct config_loader *loader, const char *item, const char *key, const char *file)
{
    if (!file || !secret_is_public(file))
        return;
    check_put_entry(loader, item, key, loader->warnings);
    strbuf_printf(loader->warnings, "everybody may read the secret in %s: chmod o= %s\n", file, file);
}

static void webhook_error(struct config_loader *loader, const char *item, const char *key, const char *why)
{
    check_put_entry(loader, item, key, loader->errors);
    strbuf_printf(loader->errors, "%s\n", why);
}

/* A key that one format needs, or that only one has. */
struct format_key {
    const char *key;
    enum payload_format format;
    bool is_given, is_needed;
    const char *name; /* of the format */
};

static void check_format_keys(struct config_loader *loader, const char *item, const struct webhook_config *webhook)
{
    const struct format_key keys[] = {
        { "routing_key_file", FORMAT_PAGERDUTY, webhook->routing_key_file != NULL, true, "pagerduty" },
        { "template", FORMAT_TEMPLATE, webhook->template != NULL, true, "template" },
        { "from", FORMAT_EMAIL, webhook->from != NULL, true, "email" },
        { "to", FORMAT_EMAIL, webhook->to.count > 0, true, "email" },
        { "user", FORMAT_EMAIL, webhook->user != NULL, false, "email" },
        { "password_file", FORMAT_EMAIL, webhook->password_file != NULL, false, "email" },
        { "starttls", FORMAT_EMAIL, webhook->starttls != STARTTLS_REQUIRED, false, "email" },
        { "priority", FORMAT_NTFY, webhook->priority != 0, false, "ntfy" },
        { "chat", FORMAT_TELEGRAM, webhook->chat != NULL, true, "telegram" },
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct strbuf why = { 0 };
        bool fits = webhook->format == keys[i].format;
        /* What was given and refused has an error of its own already. */
        if (fits && keys[i].is_needed && !keys[i].is_given &&
            config_line_of(loader, item, keys[i].key) == CONFIG_LINE_NONE)
            strbuf_printf(&why, "format %s needs it", keys[i].name);
        else if (!fits && keys[i].is_given)
            strbuf_printf(&why, "only format %s has one", keys[i].name);
        if (why.len > 0)
            webhook_error(loader, item, keys[i].key, why.at);
        strbuf_free(&why);
    }
    if (webhook->format == FORMAT_TELEGRAM && !webhook->token_file)
        webhook_error(loader, item, "token_file", "format telegram needs it");
}

static void check_mail(struct config_loader *loader, const char *item, const struct webhook_config *webhook)
{
    bool is_mail = webhook->format == FORMAT_EMAIL;
    bool smtp = webhook->url && strncasecmp(webhook->url, "smtp", 4) == 0;
    if (webhook->url && smtp != is_mail)
        webhook_error(loader, item, "url",
                      is_mail ? "format email needs smtp:// or smtps://" : "only format email has smtp://");
    if (is_mail && !webhook->user != !webhook->password_file)
        webhook_error(loader, item, webhook->user ? "password_file" : "user",
                      "missing: user and password_file go together");
    if (is_mail && webhook->user && webhook->url && webhook->starttls != STARTTLS_REQUIRED &&
        strncasecmp(webhook->url, "smtps", 5) != 0) {
        check_put_entry(loader, item, "starttls", loader->warnings);
        strbuf_puts(loader->warnings, "the password may be sent without encryption\n");
    }
}

static bool read_template(const char *path, struct strbuf *text, struct strbuf *why)
{
    FILE *file = fopen(path, "re");
    char piece[4096];
    size_t len;
    if (!file) {
        strbuf_printf(why, "%s: %s", path, strerror(errno));
        if (reach_is_lost(path, REACH_READ))
            strbuf_puts(why, ": a change needs a restart, since the agent may not look there since its start");
        return false;
    }
    while (text->len <= TEMPLATE_MAX_BYTES && (len = fread(piece, 1, sizeof piece, file)) > 0)
        strbuf_add(text, piece, len);
    if (ferror(file))
        strbuf_printf(why, "%s: %s", path, strerror(errno));
    else if (text->len > TEMPLATE_MAX_BYTES)
        strbuf_printf(why, "%s: larger than 64 KiB", path);
    fclose(file);
    return why->len == 0;
}

static void check_template(struct config_loader *loader, const char *item, struct webhook_config *webhook)
{
    struct strbuf text = { 0 }, why = { 0 };
    if (!webhook->template || webhook->format != FORMAT_TEMPLATE)
        return;
    if (read_template(webhook->template, &text, &why) && template_check(strbuf_text(&text), &why))
        webhook->template_text = must_copy(strbuf_text(&text), text.len);
    else
        webhook_error(loader, item, "template", why.at);
    strbuf_free(&text);
    strbuf_free(&why);
}

/* A template says by itself which format it is. */
static void choose_template_format(struct config_loader *loader, const char *item, struct webhook_config *webhook)
{
    if (webhook->template && config_line_of(loader, item, "format") == CONFIG_LINE_NONE)
        webhook->format = FORMAT_TEMPLATE;
}

static void check_routes(struct config_loader *loader, const char *item, const struct webhook_config *webhook)
{
    check_alert_globs(loader, item, &webhook->alerts);
    if (!webhook->fallback)
        return;
    for (size_t i = 0; i < loader->config->webhook_count; i++) {
        const struct webhook_config *other = &loader->config->webhooks[i];
        if (other != webhook && strcmp(other->name, webhook->fallback) == 0)
            return;
    }
    check_put_entry(loader, item, "fallback", loader->errors);
    strbuf_printf(loader->errors, "there is no other webhook '%s'\n", webhook->fallback);
}

static void check_webhook(struct config_loader *loader, struct webhook_config *webhook)
{
    struct webhook_file files[WEBHOOK_FILES];
    char item[130];

    snprintf(item, sizeof item, "webhook %s", webhook->name);
    choose_template_format(loader, item, webhook);
    const char *url = default_url(webhook->format);
    /* A url that was given and refused has an error of its own already. */
    bool url_given = config_line_of(loader, item, "url") != CONFIG_LINE_NONE;
    if (!webhook->url && !url_given && url)
        webhook->url = must_copy(url, strlen(url));
    else if (!webhook->url && !url_given)
        webhook_error(loader, item, "url", "missing");
    check_format_keys(loader, item, webhook);
    check_mail(loader, item, webhook);
    check_template(loader, item, webhook);
    check_routes(loader, item, webhook);
    if (webhook->url && webhook->format == FORMAT_ALERTMANAGER)
        complete_alertmanager_url(webhook);
    if (webhook->url && webhook->format == FORMAT_NTFY && !take_topic(webhook))
        webhook_error(loader, item, "url", "format ntfy needs the URL of a topic, such as https://ntfy.sh/TOPIC");
    webhook_files(webhook, files);
    for (size_t i = 0; i < WEBHOOK_FILES; i++)
        if (files[i].is_secret)
            warn_of_public_file(loader, item, files[i].key, files[i].path);
}

/* An alert that no webhook is told of, whatever table it concerns, would be lost silently. */
static void warn_of_lost_alerts(struct config_loader *loader)
{
    const struct config *config = loader->config;
    for (int alert = 0; alert < ALERTS && config->webhook_count > 0; alert++) {
        bool told = false;
        for (size_t i = 0; i < config->webhook_count; i++) {
            const struct webhook_config *webhook = &config->webhooks[i];
            bool takes = webhook->alerts.count == 0;
            for (size_t j = 0; j < webhook->alerts.count; j++)
                takes = takes || alert_matches(webhook->alerts.texts[j], (enum alert)alert);
            told = told || (takes && webhook->tables.count == 0 && webhook->min_severity <= SEVERITY_CRITICAL);
        }
        if (!told)
            strbuf_printf(loader->warnings, "%s: no webhook is told of %s for every table\n", loader->path,
                          alert_name((enum alert)alert));
    }
}

void config_check_webhooks(struct config_loader *loader)
{
    for (size_t i = 0; i < loader->config->webhook_count; i++)
        check_webhook(loader, &loader->config->webhooks[i]);
    warn_of_lost_alerts(loader);
}
