/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* Where an entry came from, instead of a line. */
enum { CONFIG_LINE_NONE = -1, CONFIG_LINE_SET = 0 };

/* A key (NULL: the section itself) that was given, and where. */
struct config_seen {
    char item[130];  /* "detect", "webhook ops" */
    const char *key; /* the table's */
    int line;
};

struct config_loader {
    struct config *config;
    const char *path;
    struct strbuf *errors, *warnings;
    struct config_seen *seen;
    size_t seen_count;
    bool section_good; /* entries of a bad section are passed over: the section's error says it */
    bool readable_by_others;
};

/* The line of the newest entry, or CONFIG_LINE_*. */
int config_line_of(const struct config_loader *loader, const char *item, const char *key);

/* What no single entry shows: a missing url, two keys that contradict each other. Completes the webhooks' URLs. */
void config_check(struct config_loader *loader);

/* Warns if the file, as read so far, holds secrets that others than its owner may read. */
void config_check_secrets(struct config_loader *loader);

#endif
