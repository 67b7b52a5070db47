/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/reach.h"
#include "config.h"
#include "config_keys.h"
#include "secrets.h"

static bool same_text(const char *a, const char *b)
{
    return !a || !b ? a == b : strcmp(a, b) == 0;
}

/* The section's values in the running configuration; NULL if there is none of that name. */
static const void *running_base(const struct config *running, const char *section, const char *name)
{
    if (!name)
        return running;
    for (size_t i = 0; strcmp(section, "webhook") == 0 && i < running->webhook_count; i++)
        if (strcmp(running->webhooks[i].name, name) == 0)
            return &running->webhooks[i];
    return NULL;
}

/* A relative name is one of systemd's credentials for some keys and a file beside the agent for others: either may be out of reach. */
static bool file_is_lost(const struct config_key *key, const char *path)
{
    struct strbuf credential = { 0 };
    enum reach_for what =
        strcmp(key->section, "metrics") == 0 ? REACH_REPLACE : REACH_READ; /* the textfile is written */
    secret_path(path, &credential);
    bool lost = reach_is_lost(path, what) || reach_is_lost(strbuf_text(&credential), what);
    strbuf_free(&credential);
    return lost;
}

static void find_lost_files(const char *section, const char *name, const void *fresh, const struct config *running,
                            struct strbuf *lost)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);
    const void *old = running_base(running, section, name);
    for (size_t i = 0; i < count; i++) {
        const struct config_key *key = &keys[i];
        if (key->change != CONFIG_IN_REACH || strcmp(key->section, section) != 0)
            continue;
        /* All such keys are paths. A test holds that. */
        const char *path = *(char *const *)((const char *)fresh + key->offset);
        const char *before = old ? *(char *const *)((const char *)old + key->offset) : NULL;
        if (path && !same_text(path, before) && file_is_lost(key, path))
            strbuf_printf(lost,
                          "%s%s%s.%s: a change needs a restart: %s lies where the agent may not look since its start\n",
                          section, name ? " " : "", name ? name : "", key->name, path);
    }
}

void config_find_lost_files(const struct config *fresh, const struct config *running, struct strbuf *lost)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);
    for (size_t i = 0; i < count; i++)
        if (!config_section_named(keys[i].section) && (i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0))
            find_lost_files(keys[i].section, NULL, fresh, running, lost);
    for (size_t i = 0; i < fresh->webhook_count; i++)
        find_lost_files("webhook", fresh->webhooks[i].name, &fresh->webhooks[i], running, lost);
}

/* A value that is no text is kept by way of its words. */
static void keep_choice(const struct config_key *key, struct config *fresh, const struct config *running,
                        struct strbuf *kept)
{
    struct strbuf wanted = { 0 }, now = { 0 }, why = { 0 };
    config_value_show(key, fresh, &wanted);
    config_value_show(key, running, &now);
    if (strcmp(strbuf_text(&wanted), strbuf_text(&now)) != 0) {
        strbuf_printf(kept, "%s.%s: a change needs a restart: %s stays\n", key->section, key->name, strbuf_text(&now));
        config_value_read(key, strbuf_text(&now), fresh, &why);
    }
    strbuf_free(&wanted);
    strbuf_free(&now);
    strbuf_free(&why);
}

void config_keep(struct config *fresh, const struct config *running, struct strbuf *kept)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        const struct config_key *key = &keys[i];
        /* All other such keys are texts of struct config. A test holds that. */
        if (key->change != CONFIG_AT_RESTART)
            continue;
        if (key->type == CONFIG_FRAME) {
            keep_choice(key, fresh, running, kept);
            continue;
        }
        char **wanted = (char **)((char *)fresh + key->offset);
        const char *now = *(char *const *)((const char *)running + key->offset);
        if (same_text(*wanted, now))
            continue;
        strbuf_printf(kept, "%s.%s: a change needs a restart: %s stays\n", key->section, key->name,
                      now ? now : key->otherwise);
        free(*wanted);
        *wanted = now ? must_copy(now, strlen(now)) : NULL;
    }
}
