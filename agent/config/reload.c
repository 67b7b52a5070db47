/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_keys.h"

static bool same_text(const char *a, const char *b)
{
    return !a || !b ? a == b : strcmp(a, b) == 0;
}

void config_keep(struct config *fresh, const struct config *running, struct strbuf *kept)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        const struct config_key *key = &keys[i];
        /* All such keys are texts of struct config. A test holds that. */
        if (key->change != CONFIG_AT_RESTART)
            continue;
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
