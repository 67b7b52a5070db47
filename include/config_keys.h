/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/*
 * The one table of what can be configured. Reading, checks, defaults, the sample file, the manual page,
 * the completions and `check-config --verbose` are all made from it.
 */
enum config_type {
    CONFIG_TEXT,
    CONFIG_URL,            /* http or https */
    CONFIG_PROBE_URL,      /* or tcp://host:port */
    CONFIG_PERIOD,         /* a duration, at least 100 ms */
    CONFIG_PERIOD_OR_ZERO, /* likewise, where 0 stands for "never" or "learnt" */
    CONFIG_COUNT,          /* 1, 2, 3 ... */
    CONFIG_REAL,           /* above 0 */
    CONFIG_PROBABILITY,    /* between 0 and 1 */
    CONFIG_SWITCH,         /* yes or no */
    CONFIG_FORMAT,         /* enum payload_format */
    CONFIG_SEVERITY,       /* enum severity, without none */
    CONFIG_HEADERS         /* repeatable "Name: value" */
};

/* When a new value counts. What a running agent has built upon (its log, its history, its clock) stays until a restart. */
enum config_change { CONFIG_AT_RELOAD, CONFIG_AT_RESTART };

struct config_key {
    const char *section; /* "webhook" and "probe" come with a name: [webhook NAME] */
    const char *name;
    enum config_type type;
    const char *initial;   /* the default as it could be written, or NULL */
    const char *otherwise; /* what holds without a value, in words, where initial does not say it */
    const char *help;
    unsigned offset; /* into struct config, webhook_config or probe_config */
    enum config_change change;
};

const struct config_key *config_keys(size_t *count);

/* Whether sections of this kind carry a name. */
bool config_section_named(const char *section);

/* "a duration such as 90s, 5m or 1h30m, at least 100ms": what a type accepts. */
const char *config_type_words(enum config_type type);

/* Sets the key's place in base from text; false with why in *why. */
bool config_value_read(const struct config_key *key, const char *text, void *base, struct strbuf *why);

/* The value as it could be written, secrets masked; nothing where there is none. One line for each header. */
void config_value_show(const struct config_key *key, const void *base, struct strbuf *out);

/* Frees what the key's place owns. */
void config_value_free(const struct config_key *key, void *base);

struct config;
void config_show(const struct config *config, struct strbuf *out); /* what is in effect, as a configuration */
void config_sample(struct strbuf *out);                            /* a commented sample, all defaults */

#endif
