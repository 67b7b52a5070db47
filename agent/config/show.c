/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "config.h"
#include "config_keys.h"

static void show_section(const char *section, const char *name, const void *base, struct strbuf *out)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);
    struct strbuf value = { 0 };

    strbuf_printf(out, "%s[%s%s%s]\n", out->len > 0 ? "\n" : "", section, name ? " " : "", name ? name : "");
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].section, section) != 0)
            continue;
        strbuf_clear(&value);
        config_value_show(&keys[i], base, &value);
        if (value.len > 0) {
            /* After a blank, each of these two characters begins a comment. */
            strbuf_printf(out, "%s =%s%s\n", keys[i].name, strchr(";#", value.at[0]) ? "" : " ", value.at);
        } else if (keys[i].otherwise) {
            strbuf_printf(out, "# %s: %s\n", keys[i].name, keys[i].otherwise);
        }
    }
    strbuf_free(&value);
}

static void show_named_sections(const char *section, const struct config *config, struct strbuf *out)
{
    if (strcmp(section, "webhook") == 0)
        for (size_t i = 0; i < config->webhook_count; i++)
            show_section(section, config->webhooks[i].name, &config->webhooks[i], out);
    else if (strcmp(section, "probe") == 0)
        for (size_t i = 0; i < config->probe_count; i++)
            show_section(section, config->probes[i].name, &config->probes[i], out);
    else
        for (size_t i = 0; i < config->window_count; i++)
            show_section(section, config->windows[i].name, &config->windows[i], out);
}

void config_show(const struct config *config, struct strbuf *out)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(keys[i].section, keys[i - 1].section) == 0)
            continue;
        if (!config_section_named(keys[i].section))
            show_section(keys[i].section, NULL, config, out);
        else
            show_named_sections(keys[i].section, config, out);
    }
}

void config_sample(struct strbuf *out)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    strbuf_puts(out, "# Configuration of iceberg-offload-agent: every key with its default.\n");
    for (size_t i = 0; i < count; i++) {
        const struct config_key *key = &keys[i];
        if (i == 0 || strcmp(key->section, keys[i - 1].section) != 0) {
            bool named = config_section_named(key->section);
            strbuf_printf(out, "\n%s[%s%s]\n", named ? "# " : "", key->section, named ? " NAME" : "");
        }
        strbuf_printf(out, "# %s", key->help);
        if (key->otherwise)
            strbuf_printf(out, " %s%s.", key->initial ? "" : "Default: ", key->otherwise);
        strbuf_printf(out, "\n# %s =%s%s\n", key->name, key->initial ? " " : "", key->initial ? key->initial : "");
    }
}
