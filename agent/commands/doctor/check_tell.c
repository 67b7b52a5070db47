/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/mask.h"
#include "doctor.h"
#include "secrets.h"

/* Whether people can be told. Nothing is sent: `agent test-webhook` does that. */

static bool check_secret(struct doctor *doctor, const struct webhook_config *webhook, const char *file)
{
    struct strbuf secret = { 0 }, error = { 0 };
    bool good = !file || secret_read(file, &secret, &error);
    if (!good)
        doctor_found(doctor, "webhook", STATUS_CRITICAL, "agent check-config   # as the agent's user", "%s: %s",
                     webhook->name, strbuf_text(&error));
    if (secret.len)
        explicit_bzero(secret.at, secret.len);
    strbuf_free(&secret);
    strbuf_free(&error);
    return good;
}

static const struct status_webhook *webhook_history(const struct doctor *doctor, const char *name)
{
    for (size_t i = 0; doctor->history_read && i < doctor->status.webhook_count; i++)
        if (strcmp(doctor->status.webhooks[i].name, name) == 0)
            return &doctor->status.webhooks[i];
    return NULL;
}

static void check_delivery(struct doctor *doctor, const struct webhook_config *webhook)
{
    const struct status_webhook *known = webhook_history(doctor, webhook->name);
    struct strbuf url = { 0 };
    mask_url(webhook->url ? webhook->url : "", &url);
    if (known && (known->refused || known->last_error))
        doctor_found(doctor, "webhook", STATUS_WARNING, "agent test-webhook",
                     "%s (%s): %" PRId64 " notifications wait, %" PRId64 " were refused; %s", webhook->name,
                     strbuf_text(&url), known->pending, known->refused, known->last_error ? known->last_error : "");
    else if (known && known->last_success_ms)
        doctor_found(doctor, "webhook", STATUS_OK, NULL, "%s (%s) took what it was sent last", webhook->name,
                     strbuf_text(&url));
    else
        doctor_found(doctor, "webhook", STATUS_OK, NULL,
                     "%s (%s) is configured, and nothing was sent yet: agent test-webhook tries it", webhook->name,
                     strbuf_text(&url));
    strbuf_free(&url);
}

static void check_receiver(struct doctor *doctor, const struct webhook_config *webhook)
{
    struct webhook_file files[WEBHOOK_FILES];
    bool good = true;
    webhook_files(webhook, files);
    for (size_t i = 0; i < WEBHOOK_FILES; i++)
        if (files[i].is_secret)
            good = check_secret(doctor, webhook, files[i].path) && good;
    if (webhook->ca_file && access(webhook->ca_file, R_OK) != 0) {
        doctor_found(doctor, "webhook", STATUS_CRITICAL, "agent check-config", "%s: ca_file: %s: %s", webhook->name,
                     webhook->ca_file, strerror(errno));
        good = false;
    }
    if (good)
        check_delivery(doctor, webhook);
}

void doctor_check_tell(struct doctor *doctor)
{
    const struct config *config = doctor->config;
    for (size_t i = 0; i < config->webhook_count; i++)
        check_receiver(doctor, &config->webhooks[i]);
    if (config->webhook_count == 0)
        doctor_found(doctor, "webhook", STATUS_WARNING, "agent check-config --sample   # has a [webhook NAME] to copy",
                     "none is configured: notifications go to the agent's standard output, and nobody is paged");
    doctor_found(doctor, "heartbeat", STATUS_OK, NULL, "%s",
                 config->heartbeat_url
                     ? "configured: somebody notices when the agent falls silent"
                     : "not configured; with heartbeat.url somebody would notice when the agent dies");
}
