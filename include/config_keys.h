/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * The one table of what can be configured. Reading the file, its checks, the defaults, the sample file, the manual page, the shell
 * completions and `check-config --verbose` are all made from it.
 */
enum config_type {
    CONFIG_TEXT,
    CONFIG_PATH,           /* of a file, as the system takes it: no quotes, no ~, no variables */
    CONFIG_URL,            /* http or https */
    CONFIG_PROBE_URL,      /* http, https or tcp://host:port */
    CONFIG_DSN,            /* libpq's connection string, without a password */
    CONFIG_PERIOD,         /* a duration, at least 100 ms */
    CONFIG_PERIOD_OR_ZERO, /* the same, or 0, which has a meaning of its own */
    CONFIG_COUNT,          /* 1, 2, 3 ... */
    CONFIG_REAL,           /* above 0 */
    CONFIG_PROBABILITY,    /* between 0 and 1 */
    CONFIG_SWITCH,         /* yes or no */
    CONFIG_FORMAT,         /* enum payload_format */
    CONFIG_HEADERS,        /* repeatable "Name: value" */
    CONFIG_WEBHOOK_URL,    /* http, https, smtp or smtps */
    CONFIG_ADDRESS,        /* of e-mail: "NAME <ADDRESS>" or the address alone */
    CONFIG_ADDRESSES,      /* repeatable */
    CONFIG_GLOBS,          /* repeatable; several in one value are parted by commas */
    CONFIG_STARTTLS,       /* enum starttls */
    CONFIG_PIPELINE,       /* enum pipeline */
    CONFIG_PRIORITY,       /* 1 to 5, or ntfy's name for it */
    CONFIG_SEVERITY,       /* enum severity, or never */
    CONFIG_MAX_SEVERITY,   /* SEVERITY_WARNING or SEVERITY_CRITICAL */
    CONFIG_DAYS,           /* of the week: bit 0 is Monday */
    CONFIG_TIME_OF_DAY,    /* minutes since midnight; -1: not given */
    CONFIG_FRAME           /* enum frame_format */
};

/* Returns true for a key that may be given more than once. */
bool config_type_repeats(enum config_type type);

/*
 * What a reload (SIGHUP) makes of a new value. agent.conf(5) says it of each key. tests/unit/daemon/test_reload_keys.c holds it for each key,
 * and tests/e2e/test_confine.py for CONFIG_IN_REACH.
 */
enum config_change {
    CONFIG_AT_RELOAD,
    CONFIG_IN_REACH, /* a file: taken, but what lies where the agent may not look since its start is out of reach until a restart */
    CONFIG_WHEN_WELL, /* taken, and used when no incident is open */
    CONFIG_BY_SERVE,  /* not the agent's: `agent serve` reads it when it starts */
    CONFIG_AT_RESTART /* the old value stays, because everything else is built on it */
};

/* "yes", "no, a restart is needed" ... */
const char *config_change_words(enum config_change change);

struct config_key {
    const char *section; /* "webhook", "probe" and "silence" sections carry a name: [webhook NAME] */
    const char *name;
    enum config_type type;
    const char *initial;   /* the default as it could be written, or NULL */
    const char *otherwise; /* in words, what holds without a value, or what the initial 0 means; NULL: nothing to say */
    const char *help;      /* one or more sentences, for agent.conf(5) and the sample */
    unsigned offset;       /* into struct config, webhook_config, probe_config or silence_window */
    bool may_be_empty;     /* an empty value is one */
    enum config_change change;
};

const struct config_key *config_keys(size_t *count);

/* Returns true if sections of this kind carry a name. */
bool config_section_named(const char *section);

/* What a type accepts, in words: "a duration of at least 100ms, such as 90s, 5m or 1h30m ...". */
const char *config_type_words(enum config_type type);

/* Reads text and stores the value in base, the struct that the key's offset refers to. Returns false, with the reason in *why. */
bool config_value_read(const struct config_key *key, const char *text, void *base, struct strbuf *why);

/* Appends the value as it could be written, with secrets masked; nothing if there is none. Each header is a line. */
void config_value_show(const struct config_key *key, const void *base, struct strbuf *out);

/* Frees what the value in base owns. */
void config_value_free(const struct config_key *key, void *base);

/* The parts of value_days.c. Each returns false, with the reason in *why. */
bool value_read_days(const char *text, int64_t *days, struct strbuf *why);
bool value_read_time_of_day(const char *text, int64_t *minutes, struct strbuf *why);
void value_show_days(int64_t days, struct strbuf *out);
void value_show_time_of_day(int64_t minutes, struct strbuf *out);

/* The parts of value_types.c, which config_value_read and the others call for the types of mail and lists. */
bool value_read_webhook_type(enum config_type type, const char *text, void *place, struct strbuf *why);
void value_show_webhook_type(const struct config_key *key, const void *value, struct strbuf *out);

/* Splits "NAME <ADDRESS>": *name may become empty. Returns false if it is no address that mail can be sent to. */
bool mail_address_split(const char *text, struct slice *name, struct slice *address);

struct config;
void config_show(const struct config *config,
                 struct strbuf *out);   /* appends the values in effect, as a configuration file */
void config_sample(struct strbuf *out); /* appends a sample file: all keys with their defaults, as comments */

#endif
