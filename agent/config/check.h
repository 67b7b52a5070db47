/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* What stands for the line of an entry that is not in the file: it was not given, or it came from --set. */
enum { CONFIG_LINE_NONE = -1, CONFIG_LINE_SET = 0 };

/* A key that was given, and where. */
struct config_seen {
    char item[130];  /* "detect", "webhook ops" */
    const char *key; /* a name in the table of keys; NULL: the section itself */
    int line;
};

struct config_loader {
    struct config *config;
    const char *path;
    struct strbuf *errors, *warnings;
    struct config_seen *seen;
    size_t seen_count;
    bool section_good; /* entries of a bad section are passed over, because the section has an error already */
    bool readable_by_all;
};

/* Returns the line of the newest entry for the key (NULL: the section), or CONFIG_LINE_NONE or CONFIG_LINE_SET. */
int config_line_of(const struct config_loader *loader, const char *item, const char *key);

/* Appends where an entry stands, or where its section begins if the entry is not there. */
void check_put_place(const struct config_loader *loader, const char *item, const char *key, struct strbuf *out);
/* Appends the beginning of an error or a warning about an entry: its place and its name. */
void check_put_entry(const struct config_loader *loader, const char *item, const char *key, struct strbuf *out);

/* An error for each glob that no alert's name matches. */
void check_alert_globs(struct config_loader *loader, const char *item, const struct text_list *globs);

/* Warns of a file with a secret that everybody may read; file may be NULL. */
void warn_of_public_file(struct config_loader *loader, const char *item, const char *key, const char *file);

/* The part of config_check for webhooks (check_webhook.c). */
void config_check_webhooks(struct config_loader *loader);
/* Likewise for [serve] (check_serve.c). */
void config_check_serve(struct config_loader *loader);
/* Returns true for a webhook whose URL is a service's that everybody knows, and so no secret. */
bool config_url_is_default(const struct webhook_config *webhook);

/* Checks what no single entry shows: a missing url, two keys that contradict each other. Completes the webhooks' URLs. */
void config_check(struct config_loader *loader);

/* Warns of each section of the file, as read so far, that holds a secret, if everybody may read the file. */
void config_check_secrets(struct config_loader *loader);

#endif
