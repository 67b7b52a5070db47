/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/utf8.h"
#include "check.h"
#include "config_keys.h"
#include "file.h"
#include "nearest.h"

static const char DEFAULT_PATH[] = AGENT_SYSCONFDIR "/iceberg-offload-agent/agent.conf";
enum { FILE_MAX_BYTES = 1024 * 1024 };

static void config_item_name(char *out, size_t room, const char *section, const char *name)
{
    snprintf(out, room, "%s%s%s", section, name[0] != '\0' ? " " : "", name);
}

static void config_say_at(struct config_loader *loader, int line, const char *what, const char *why)
{
    if (line == CONFIG_LINE_SET)
        strbuf_puts(loader->errors, "--set: ");
    else
        strbuf_printf(loader->errors, "%s:%d: ", loader->path, line);
    strbuf_printf(loader->errors, "%s%s%s\n", what, what[0] != '\0' ? ": " : "", why);
}

/* Splits "webhook ops" into section and name. Blanks and quotes around the name, as git writes them, fall away. */
static void config_split_section(const char *text, char section[64], char name[64])
{
    size_t kind = strcspn(text, " \t");
    const char *rest = text + kind + strspn(text + kind, " \t\"");
    size_t len = strlen(rest);

    while (len > 0 && strchr(" \t\"", rest[len - 1]) != NULL)
        len--;
    snprintf(section, 64, "%.*s", (int)kind, text);
    snprintf(name, 64, "%.*s", (int)len, rest);
}

static bool config_name_is_good(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return name[0] != '\0' && name[strspn(name, allowed)] == '\0';
}

/* Returns false, with the error added, unless text names a section that exists. */
static bool config_check_section(struct config_loader *loader, const char *text, int line)
{
    char section[64], name[64];
    struct nearest nearest;
    struct strbuf why = { 0 };
    size_t count;
    const struct config_key *keys = config_keys(&count);
    bool known = false;

    config_split_section(text, section, name);
    nearest_begin(&nearest, section);
    for (size_t i = 0; i < count && !known; i++) {
        known = strcmp(keys[i].section, section) == 0;
        nearest_try(&nearest, keys[i].section);
    }
    if (!known && nearest_found(&nearest))
        strbuf_printf(&why, "unknown section; the nearest is [%s]", nearest_found(&nearest));
    else if (!known)
        strbuf_puts(&why, "unknown section; agent.conf(5) lists all");
    else if (!config_section_named(section) && name[0] != '\0')
        strbuf_printf(&why, "[%s] takes no name", section);
    else if (strcmp(section, "webhook") == 0 && strcmp(name, "stdout") == 0)
        strbuf_puts(&why, "this name stands for standard output in the history; choose another one");
    else if (config_section_named(section) && !config_name_is_good(name))
        strbuf_printf(&why, "needs a name of letters, digits and ._- as in [%s NAME]", section);
    if (why.len > 0) {
        struct strbuf what = { 0 };
        strbuf_printf(&what, "[%s]", text);
        config_say_at(loader, line, strbuf_text(&what), why.at);
        strbuf_free(&what);
    }
    bool good = why.len == 0;
    strbuf_free(&why);
    return good;
}

static const struct config_key *config_find_key(const char *section, const char *name, struct strbuf *why)
{
    struct nearest nearest;
    size_t count;
    const struct config_key *keys = config_keys(&count);

    nearest_begin(&nearest, name);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].section, section) != 0)
            continue;
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
        nearest_try(&nearest, keys[i].name);
    }
    if (nearest_found(&nearest))
        strbuf_printf(why, "unknown key; the nearest is '%s'", nearest_found(&nearest));
    else
        strbuf_puts(why, "unknown key; agent.conf(5) lists all");
    return NULL;
}

static void config_set_defaults(const char *section, void *base)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);
    struct strbuf why = { 0 };

    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].section, section) == 0 && keys[i].initial)
            config_value_read(&keys[i], keys[i].initial, base, &why);
    strbuf_free(&why);
}

static void *config_find_webhook(struct config *config, const char *name)
{
    for (size_t i = 0; i < config->webhook_count; i++)
        if (strcmp(config->webhooks[i].name, name) == 0)
            return &config->webhooks[i];
    config->webhooks = must_grow(config->webhooks, config->webhook_count + 1, sizeof *config->webhooks);
    struct webhook_config *webhook = &config->webhooks[config->webhook_count++];
    *webhook = (struct webhook_config){ .name = must_copy(name, strlen(name)) };
    config_set_defaults("webhook", webhook);
    return webhook;
}

static void *config_find_probe(struct config *config, const char *name)
{
    for (size_t i = 0; i < config->probe_count; i++)
        if (strcmp(config->probes[i].name, name) == 0)
            return &config->probes[i];
    config->probes = must_grow(config->probes, config->probe_count + 1, sizeof *config->probes);
    struct probe_config *probe = &config->probes[config->probe_count++];
    *probe = (struct probe_config){ .name = must_copy(name, strlen(name)) };
    config_set_defaults("probe", probe);
    return probe;
}

static void *config_find_window(struct config *config, const char *name)
{
    for (size_t i = 0; i < config->window_count; i++)
        if (strcmp(config->windows[i].name, name) == 0)
            return &config->windows[i];
    config->windows = must_grow(config->windows, config->window_count + 1, sizeof *config->windows);
    struct silence_window *window = &config->windows[config->window_count++];
    *window = (struct silence_window){ .name = must_copy(name, strlen(name)), .from_min = -1, .to_min = -1 };
    config_set_defaults("silence", window);
    return window;
}

/* Returns the struct that holds the keys of a section. That of a webhook, a probe or a window is made when it is first named. */
static void *config_find_base(struct config *config, const char *section, const char *name)
{
    if (strcmp(section, "webhook") == 0)
        return config_find_webhook(config, name);
    if (strcmp(section, "probe") == 0)
        return config_find_probe(config, name);
    if (strcmp(section, "silence") == 0)
        return config_find_window(config, name);
    return config;
}

static void config_note_seen(struct config_loader *loader, const char *section, const char *name, const char *key,
                             int line)
{
    loader->seen = must_grow(loader->seen, loader->seen_count + 1, sizeof *loader->seen);
    struct config_seen *seen = &loader->seen[loader->seen_count++];
    *seen = (struct config_seen){ .key = key, .line = line };
    config_item_name(seen->item, sizeof seen->item, section, name);
}

int config_line_of(const struct config_loader *loader, const char *item, const char *key)
{
    for (size_t i = loader->seen_count; i > 0; i--) {
        const struct config_seen *seen = &loader->seen[i - 1];
        bool same_key = !key ? !seen->key : seen->key && strcmp(seen->key, key) == 0;
        if (same_key && strcmp(seen->item, item) == 0)
            return seen->line;
    }
    return CONFIG_LINE_NONE;
}

/* Takes one entry, from the file or from --set. The section is known to be good. */
static void config_take_entry(struct config_loader *loader, const char *section_text, const char *key_text,
                              const char *value, int line)
{
    char section[64], name[64], item[130];
    struct strbuf why = { 0 }, what = { 0 };

    config_split_section(section_text, section, name);
    config_item_name(item, sizeof item, section, name);
    strbuf_printf(&what, "%s.%s", item, key_text);
    const struct config_key *key = config_find_key(section, key_text, &why);
    if (key) {
        int earlier = config_line_of(loader, item, key->name);
        if (earlier != CONFIG_LINE_NONE && line != CONFIG_LINE_SET && !config_type_repeats(key->type)) {
            strbuf_printf(&why, "set twice, first in line %d", earlier);
        } else {
            config_value_read(key, value, config_find_base(loader->config, section, name), &why);
            config_note_seen(loader, section, name, key->name, line);
        }
    }
    if (why.len > 0)
        config_say_at(loader, line, strbuf_text(&what), why.at);
    strbuf_free(&what);
    strbuf_free(&why);
}

static void config_on_section(void *ctx, const char *text, int line)
{
    struct config_loader *loader = ctx;
    char section[64], name[64];

    loader->section_good = text != NULL && config_check_section(loader, text, line);
    if (loader->section_good) {
        config_split_section(text, section, name);
        config_find_base(loader->config, section, name);
        config_note_seen(loader, section, name, NULL, line);
    }
}

static void config_on_entry(void *ctx, const char *section, const char *name, const char *value, int line)
{
    struct config_loader *loader = ctx;

    if (section[0] == '\0')
        config_say_at(loader, line, name, "stands before the first [section]");
    else if (loader->section_good)
        config_take_entry(loader, section, name, value, line);
}

static void config_on_error(void *ctx, int line, const char *why)
{
    struct config_loader *loader = ctx;

    config_say_at(loader, line, "", why);
}

/* Takes the text of --set: "section.key=value" or "section NAME.key=value". */
static void config_take_set(struct config_loader *loader, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *dot = equals ? memrchr(text, '.', (size_t)(equals - text)) : NULL;

    if (!dot || dot == text || dot + 1 == equals) {
        strbuf_printf(loader->errors, "--set: '%.*s': needs the form section.key=value\n", (int)strcspn(text, "="),
                      text);
        return;
    }
    char *section = must_copy(text, (size_t)(dot - text));
    char *key = must_copy(dot + 1, (size_t)(equals - dot) - 1);
    key[strcspn(key, " \t")] = '\0';
    if (config_check_section(loader, section, CONFIG_LINE_SET))
        config_take_entry(loader, section, key, equals + 1 + strspn(equals + 1, " \t"), CONFIG_LINE_SET);
    free(key);
    free(section);
}

/* Returns true if *text holds something to parse. It is an error that the file is absent only if somebody named it. */
static bool config_read_file(struct config_loader *loader, bool named, struct strbuf *text)
{
    FILE *file = fopen(loader->path, "re");
    bool good = false;
    char piece[4096];
    size_t len;

    if (!file) {
        if (named || errno != ENOENT)
            strbuf_printf(loader->errors, "%s: %s\n", loader->path, strerror(errno));
        return false;
    }
    while (text->len <= FILE_MAX_BYTES && (len = fread(piece, 1, sizeof piece, file)) > 0)
        strbuf_add(text, piece, len);
    if (ferror(file)) {
        strbuf_printf(loader->errors, "%s: %s\n", loader->path, strerror(errno));
    } else if (text->len > FILE_MAX_BYTES) {
        strbuf_printf(loader->errors, "%s: larger than 1 MiB: not a configuration\n", loader->path);
    } else {
        struct stat status;
        /* Mode 640 is right: the file belongs to root, and the group is the agent's. */
        loader->readable_by_all = fstat(fileno(file), &status) == 0 && (status.st_mode & S_IROTH) != 0;
        good = true;
    }
    fclose(file);
    return good;
}

static void config_default_database(struct config *config)
{
    const char *state = getenv("STATE_DIRECTORY");
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    struct strbuf path = { 0 };

    if (state && state[0] == '/') {
        strbuf_printf(&path, "%.*s/history.db", (int)strcspn(state, ":"), state);
    } else if (xdg && xdg[0] == '/') {
        strbuf_printf(&path, "%s/iceberg-offload-agent/history.db", xdg);
    } else {
        const struct passwd *user = !home || home[0] == '\0' ? getpwuid(getuid()) : NULL;
        home = user ? user->pw_dir : home;
        strbuf_printf(&path, "%s/.local/state/iceberg-offload-agent/history.db", home ? home : "");
    }
    config->history_db = path.at;
}

static void config_fill_in(struct config *config)
{
    if (!config->history_db)
        config_default_database(config);
    if (!config->host) {
        char host[HOST_NAME_MAX + 1] = "";
        if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
            strcpy(host, "localhost");
        config->host = must_copy(host, strlen(host));
    }
    int64_t chars = (int64_t)utf8_count(slice_of(config->host));
    chars = chars < FIRST_LINE_HOST_MAX_CHARS ? chars : FIRST_LINE_HOST_MAX_CHARS;
    config->settings.notify.host_chars = chars > FIRST_LINE_HOST_CHARS ? chars : FIRST_LINE_HOST_CHARS;
}

struct config *config_load(const char *path, char *const *sets, size_t set_count, struct strbuf *errors,
                           struct strbuf *warnings)
{
    const char *named = path ? path : getenv("AGENT_CONFIG");
    struct config_loader loader = {
        .config = must_alloc(sizeof *loader.config),
        .path = named ? named : DEFAULT_PATH,
        .errors = errors,
        .warnings = warnings,
        .section_good = true,
    };
    const struct config_file_sink sink = { &loader, config_on_section, config_on_entry, config_on_error };
    struct strbuf text = { 0 };
    size_t errors_before = errors->len, count;
    loader.config->path = must_copy(loader.path, strlen(loader.path));
    const struct config_key *keys = config_keys(&count);

    for (size_t i = 0; i < count; i++)
        if (!config_section_named(keys[i].section) && (i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0))
            config_set_defaults(keys[i].section, loader.config);
    if (config_read_file(&loader, named != NULL, &text)) {
        config_file_parse(strbuf_slice(&text), &sink);
        config_check_secrets(&loader);
    }
    for (size_t i = 0; i < set_count; i++)
        config_take_set(&loader, sets[i]);
    config_check(&loader);
    config_fill_in(loader.config);
    if (errors->len > errors_before) {
        config_free(loader.config);
        loader.config = NULL;
    }
    free(loader.seen);
    strbuf_free(&text);
    return loader.config;
}

static void config_free_section(const char *section, void *base)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    for (size_t i = 0; i < count; i++)
        if (!section ? !config_section_named(keys[i].section) : strcmp(keys[i].section, section) == 0)
            config_value_free(&keys[i], base);
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->webhook_count; i++) {
        config_free_section("webhook", &config->webhooks[i]);
        free(config->webhooks[i].template_text);
        free(config->webhooks[i].topic);
        free(config->webhooks[i].server_url);
        free(config->webhooks[i].name);
    }
    for (size_t i = 0; i < config->probe_count; i++) {
        config_free_section("probe", &config->probes[i]);
        free(config->probes[i].name);
        free(config->probes[i].cause_place);
    }
    for (size_t i = 0; i < config->window_count; i++) {
        config_free_section("silence", &config->windows[i]);
        free(config->windows[i].name);
    }
    config_free_section(NULL, config);
    free(config->path);
    free(config->log_timezone_place);
    free(config->webhooks);
    free(config->probes);
    free(config->windows);
    free(config);
}
