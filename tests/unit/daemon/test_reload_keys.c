/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/daemon/daemon_private.h"
#include "config_keys.h"
#include "reload_given.h"

/*
 * What a reload takes, key by key: a daemon is told to reload once with each key of the table changed. What the table says of the key must be
 * what the daemon then does: either every part of it is given the new value, or the log names the key and every part still has the old one.
 * reload_given.h remembers what each part was given last.
 */

static void assert_same(const char *key, const char *part, const char *has, const char *wanted)
{
    if (strcmp(has, wanted ? wanted : "") != 0)
        fail_msg("%s: %s works with '%s', the configuration in force says '%s'", key, part, has, wanted ? wanted : "");
}

/*
 * No part works with anything but what the configuration in force says. begun is the configuration at the start: the zone of the process
 * (command line) and what the process may do (confine.c) were set by it and cannot be set again.
 */
static void assert_parts_agree(const char *key, const struct config *now, const struct config *begun)
{
    const struct config *parts[] = { given.dispatch, given.witnesses, given.table_witnesses, given.unit,
                                     given.host,     given.prefect,   given.causes };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i] != now)
            fail_msg("%s: part %zu works with another configuration than the one in force", key, i);
    if (given.windows != now->windows)
        fail_msg("%s: the engine has the windows of another configuration than the one in force", key);
    assert_memory_equal(&given.engine, &now->settings, sizeof given.engine);
    assert_same(key, "the parser", given.patterns, config_patterns(now));
    assert_same(key, "the reader of the log", given.log_path, now->log_path);
    assert_same(key, "the reader of the log", given.log_owner, now->log_owner);
    assert_same(key, "the history", given.history, now->history_db);
    assert_same(key, "the zone", begun->log_timezone ? begun->log_timezone : "", now->log_timezone);
    const char *confined[][2] = { { begun->iceberg_warehouse, now->iceberg_warehouse },
                                  { begun->watermark_dsn, now->watermark_dsn },
                                  { begun->watermark_service, now->watermark_service },
                                  { begun->watermark_passfile, now->watermark_passfile },
                                  { begun->watermark_password_file, now->watermark_password_file } };
    for (size_t i = 0; i < sizeof confined / sizeof confined[0]; i++)
        assert_same(key, "confine.c", confined[i][0] ? confined[i][0] : "", confined[i][1]);
}

/* --- a change of each key ------------------------------------------------------------------------------------ */

static const char base_text[] =
    "[log]\npath = log\n"
    "[history]\ndb = history.db\n"
    "[scheduler]\nunit =\n"
    "[watermark]\ndsn = host=/nonexistent\n"
    "[webhook plain]\nurl = http://127.0.0.1:9/plain\n"
    "[webhook other]\nurl = http://127.0.0.1:9/other\n"
    "[webhook form]\nurl = http://127.0.0.1:9/form\ntemplate = form.json\n"
    "[webhook mail]\nurl = smtp://127.0.0.1:9\nformat = email\nfrom = a@example.org\n"
    "to = b@example.org\nuser = a\npassword_file = secret\n"
    "[webhook pager]\nformat = pagerduty\nurl = http://127.0.0.1:9/\nrouting_key_file = secret\n"
    "[webhook bell]\nformat = ntfy\nurl = http://127.0.0.1:9/topic\n"
    "[webhook talk]\nformat = telegram\nurl = http://127.0.0.1:9\ntoken_file = secret\nchat = 1\n"
    "[probe web]\nurl = http://127.0.0.1:9/\n"
    "[probe box]\ncontainer = box\n"
    "[silence night]\nfrom = 22:00\nto = 07:00\n";

/* Where the default of its type below would not do: another section of the same kind, or another value. */
static const struct change {
    const char *section, *key, *name, *value;
} changes[] = {
    { "log", "owner", NULL, "root" },
    { "log", "timezone", NULL, "Asia/Tokyo" },
    { "log", "patterns", NULL, "patterns.conf" },
    { "runbooks", "file", NULL, "causes.conf" },
    { "history", "retention", NULL, "30d" },
    { "detect", "failures_warning", NULL, "1" },
    { "detect", "stall_warning_runs", NULL, "1" },
    { "detect", "cycle_too_slow", NULL, "900s" },
    { "detect", "lag_critical", NULL, "3h" },
    { "detect", "stall_critical_p", NULL, "1e-7" },
    { "source", "query", NULL, "SELECT 1 FROM {source}" },
    { "watermark", "query", NULL, "SELECT $1" },
    { "watermark", "dsn", NULL, "host=/elsewhere" },
    { "iceberg", "table", NULL, "{table}" },
    { "webhook", "url", "plain", "http://other.example.org/" },
    { "webhook", "format", "plain", "slack" },
    { "webhook", "template", "form", "other.json" },
    { "webhook", "fallback", "plain", "other" },
    { "webhook", "routing_key_file", "pager", "secret2" },
    { "webhook", "from", "mail", "c@example.org" },
    { "webhook", "to", "mail", "d@example.org" },
    { "webhook", "user", "mail", "c" },
    { "webhook", "password_file", "mail", "secret2" },
    { "webhook", "starttls", "mail", "no" },
    { "webhook", "priority", "bell", "5" },
    { "webhook", "chat", "talk", "2" },
    { "serve", "listen", NULL, "127.0.0.1:9189" },
    { "serve", "allow_origin", NULL, "https://other.example.org" },
    { "probe", "container", "box", "other" },
    { "probe", "cause", "web", "clickhouse-unreachable" },
};

static const char *value_of_type(enum config_type type)
{
    static const char *const values[] = {
        [CONFIG_TEXT] = "other",
        [CONFIG_PATH] = "secret2",
        [CONFIG_URL] = "http://other.example.org/",
        [CONFIG_PROBE_URL] = "tcp://other.example.org:1",
        [CONFIG_DSN] = "host=/elsewhere",
        [CONFIG_PERIOD] = "77s",
        [CONFIG_PERIOD_OR_ZERO] = "78s",
        [CONFIG_COUNT] = "7",
        [CONFIG_REAL] = "7",
        [CONFIG_PROBABILITY] = "1e-5",
        [CONFIG_SWITCH] = "no",
        [CONFIG_FORMAT] = "slack",
        [CONFIG_HEADERS] = "X-Other: 1",
        [CONFIG_WEBHOOK_URL] = "http://other.example.org/",
        [CONFIG_ADDRESS] = "c@example.org",
        [CONFIG_ADDRESSES] = "d@example.org",
        [CONFIG_GLOBS] = "*Slow*",
        [CONFIG_STARTTLS] = "no",
        [CONFIG_PIPELINE] = "k2-prefect",
        [CONFIG_PRIORITY] = "5",
        [CONFIG_SEVERITY] = "critical",
        [CONFIG_MAX_SEVERITY] = "critical",
        [CONFIG_DAYS] = "mon-fri",
        [CONFIG_TIME_OF_DAY] = "07:30",
        [CONFIG_FRAME] = "docker",
    };
    return values[type];
}

static struct change change_of(const struct config_key *key)
{
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (strcmp(changes[i].section, key->section) == 0 && strcmp(changes[i].key, key->name) == 0)
            return changes[i];
    const char *name = strcmp(key->section, "webhook") == 0   ? "plain"
                       : strcmp(key->section, "probe") == 0   ? "web"
                       : strcmp(key->section, "silence") == 0 ? "night"
                                                              : NULL;
    return (struct change){ key->section, key->name, name, value_of_type(key->type) };
}

/* The section's struct that the change is about. */
static const void *base_of(const struct config *config, const struct change *change)
{
    for (size_t i = 0; change->name && i < config->webhook_count; i++)
        if (strcmp(change->section, "webhook") == 0 && strcmp(config->webhooks[i].name, change->name) == 0)
            return &config->webhooks[i];
    for (size_t i = 0; change->name && i < config->probe_count; i++)
        if (strcmp(change->section, "probe") == 0 && strcmp(config->probes[i].name, change->name) == 0)
            return &config->probes[i];
    for (size_t i = 0; change->name && i < config->window_count; i++)
        if (strcmp(change->section, "silence") == 0 && strcmp(config->windows[i].name, change->name) == 0)
            return &config->windows[i];
    return config;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct config *load(const char *set)
{
    struct strbuf errors = { 0 }, warnings = { 0 };
    char *sets[] = { (char *)(uintptr_t)set };
    struct config *config = config_load("agent.conf", sets, set ? 1 : 0, &errors, &warnings);
    if (!config)
        fail_msg("%s: %s", set ? set : "the configuration", strbuf_text(&errors));
    strbuf_free(&errors);
    strbuf_free(&warnings);
    return config;
}

static const char *next_set; /* what the next reload reads beside the file; NULL: nothing */

static struct config *reload_source(void *ctx)
{
    (void)ctx;
    return load(next_set);
}

static int said_fd; /* a file */

/* Reloads, and returns what was said meanwhile on stderr. */
static const char *reload(struct daemon *daemon, const char *set)
{
    static char text[1 << 16];
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && ftruncate(said_fd, 0) == 0 && dup2(said_fd, STDERR_FILENO) >= 0);
    next_set = set;
    daemon_reload(daemon);
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t len = pread(said_fd, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void check_key(struct daemon *daemon, const struct config_key *key, const struct config *begun)
{
    struct change change = change_of(key);
    struct strbuf name = { 0 }, set = { 0 }, needs = { 0 }, before = { 0 }, wanted = { 0 }, after = { 0 };
    bool restart = key->change == CONFIG_AT_RESTART;
    strbuf_printf(&name, "%s%s%s.%s", change.section, change.name ? " " : "", change.name ? change.name : "",
                  change.key);
    strbuf_printf(&set, "%s=%s", name.at, change.value);
    strbuf_printf(&needs, "%s: a change needs a restart: ", name.at);
    struct config *changed = load(set.at);
    config_value_show(key, base_of(begun, &change), &before);
    config_value_show(key, base_of(changed, &change), &wanted);
    if (strcmp(strbuf_text(&before), strbuf_text(&wanted)) == 0)
        fail_msg("%s: this test changes nothing about it: '%s'", name.at, strbuf_text(&before));

    const char *lines = reload(daemon, set.at);
    config_value_show(key, base_of(daemon->config, &change), &after);
    if (!strstr(lines, "configuration read again"))
        fail_msg("%s: %s", set.at, lines);
    if ((strstr(lines, needs.at) != NULL) != restart || (!restart && strstr(lines, "needs a restart")))
        fail_msg("%s: the table says '%s', the log says: %s", name.at, config_change_words(key->change), lines);
    if (strcmp(strbuf_text(&after), strbuf_text(restart ? &before : &wanted)) != 0)
        fail_msg("%s: the table says '%s', and '%s' is in force", name.at, config_change_words(key->change),
                 strbuf_text(&after));
    assert_parts_agree(name.at, daemon->config, begun);
    reload(daemon, NULL);
    config_free(changed);
    strbuf_free(&name);
    strbuf_free(&set);
    strbuf_free(&needs);
    strbuf_free(&before);
    strbuf_free(&wanted);
    strbuf_free(&after);
}

static void test_each_key_is_taken_as_the_table_says(void **state)
{
    static const struct daemon_source source = { NULL, reload_source };
    struct daemon daemon = { .config = load(NULL), .source = &source, .started_ms = clock_now_ms() };
    struct config *begun = load(NULL);
    struct strbuf error = { 0 };
    size_t count;
    const struct config_key *keys = config_keys(&count);
    (void)state;
    clock_watch_begin(&daemon.clock);
    if (!daemon_open(&daemon, &error))
        fail_msg("%s", strbuf_text(&error));
    assert_parts_agree("at the start", daemon.config, begun);
    for (size_t i = 0; i < count; i++)
        check_key(&daemon, &keys[i], begun);
    daemon_close(&daemon);
    config_free(daemon.config);
    config_free(begun);
    strbuf_free(&error);
}

/* What config_keep and config_find_lost_files take for granted of their keys; and no file is forgotten. */
static void test_files_are_taken_as_files_are(void **state)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct config_key *key = &keys[i];
        bool is_text = key->type == CONFIG_TEXT || key->type == CONFIG_PATH || key->type == CONFIG_DSN;
        bool is_kept = is_text || key->type == CONFIG_FRAME;
        if (key->change == CONFIG_AT_RESTART && (!is_kept || config_section_named(key->section)))
            fail_msg("%s.%s: config_keep takes only texts and formats of struct config", key->section, key->name);
        if ((key->type == CONFIG_PATH) !=
                (key->change == CONFIG_IN_REACH || (is_text && key->change == CONFIG_AT_RESTART)) &&
            key->change != CONFIG_AT_RESTART && key->change != CONFIG_BY_SERVE)
            fail_msg("%s.%s: a file may be out of reach", key->section, key->name);
        if (key->change == CONFIG_IN_REACH && key->type != CONFIG_PATH)
            fail_msg("%s.%s: no file", key->section, key->name);
        if ((key->change == CONFIG_BY_SERVE) != (strcmp(key->section, "serve") == 0))
            fail_msg("%s.%s: read by another program than the agent", key->section, key->name);
        if ((key->change == CONFIG_WHEN_WELL) !=
            (strcmp(key->section, "notify") == 0 && strcmp(key->name, "host") == 0))
            fail_msg("%s.%s: only the host's name waits (tests/e2e/test_reload.py)", key->section, key->name);
    }
}

/* --- a directory of its own, and a file for what is said ----------------------------------------------------------- */

static char directory[] = "/tmp/test_reload_keys.XXXXXX";

static int group_begin(void **state)
{
    (void)state;
    setenv("AGENT_CONFINE", "no", 1);
    unsetenv("CREDENTIALS_DIRECTORY");
    if (!mkdtemp(directory) || chdir(directory) != 0)
        return -1;
    write_file("agent.conf", base_text);
    write_file("log", "");
    write_file("patterns.conf", "[events]\ncycle_started = OFFLOAD CYCLE STARTED$\n");
    write_file("causes.conf", "");
    write_file("form.json", "{}");
    write_file("other.json", "{}");
    write_file("secret", "a");
    write_file("secret2", "b");
    said_fd = open("said", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return said_fd >= 0 ? 0 : -1;
}

static int group_end(void **state)
{
    static const char *const names[] = {
        "agent.conf", "log",        "patterns.conf",  "causes.conf",    "form.json",       "other.json", "secret",
        "secret2",    "history.db", "history.db-wal", "history.db-shm", "history.db-lock", "said"
    };
    (void)state;
    close(said_fd);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(names[i]);
    return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_taken_as_files_are),
        cmocka_unit_test(test_each_key_is_taken_as_the_table_says),
    };
    return cmocka_run_group_tests(tests, group_begin, group_end);
}
