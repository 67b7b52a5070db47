/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_help.h"

static const char NO_CONVERSION[] = "the host's name is not ASCII and cannot be converted: write it in its xn-- form";

/* A service runs in the C locale, and so does this test: the host's name is UTF-8 all the same. */
static void a_host_s_international_name_is_converted(void **state)
{
    const struct config *config = load(*state, "[webhook a]\nurl = https://bücher.example:8443/x?y=ü\n"
                                               "[webhook b]\nurl = http://b%C3%BCcher.example\nformat = alertmanager\n"
                                               "[probe p]\nurl = tcp://größe.example:5432\n"
                                               "[metrics]\nurl = http://日本語.jp/metrics\n"
                                               "[heartbeat]\nurl = https://user@BÜCHER.example/beat\n");
    assert_non_null(config);
    assert_string_equal(config->webhooks[0].url, "https://xn--bcher-kva.example:8443/x?y=ü");
    assert_string_equal(config->webhooks[1].url, "http://xn--bcher-kva.example/api/v2/alerts");
    assert_string_equal(config->probes[0].url, "tcp://xn--gre-6ka8i.example:5432/");
    assert_string_equal(config->metrics_url, "http://xn--wgv71a119e.jp/metrics");
    assert_string_equal(config->heartbeat_url, "https://user@xn--bcher-kva.example/beat");
}

static void an_ascii_name_stays_as_it_was_written(void **state)
{
    const struct config *config =
        load(*state, "[webhook a]\nurl = HTTP://Host.example\n[webhook b]\nurl = http://[::1]:80/x\n"
                     "[webhook c]\nurl = http://xn--bcher-kva.example/\n");
    assert_non_null(config);
    assert_string_equal(config->webhooks[0].url, "HTTP://Host.example");
    assert_string_equal(config->webhooks[1].url, "http://[::1]:80/x");
    assert_string_equal(config->webhooks[2].url, "http://xn--bcher-kva.example/");
}

static void a_name_that_cannot_be_converted_is_refused(void **state)
{
    static const char *const keys[] = { "webhook a.url", "probe p.url", "metrics.url", "heartbeat.url" };
    static const char *const hosts[] = { "b\xfc"
                                         "cher.example",
                                         "\xe2\x80\x8e.example" };
    struct loaded *loaded = *state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] * 2; i++) {
        char set[128], expected[256];
        char *const sets[] = { set };
        snprintf(set, sizeof set, "%s=http://%s/x", keys[i / 2], hosts[i % 2]);
        snprintf(expected, sizeof expected, "--set: %s: %s\n", keys[i / 2], NO_CONVERSION);
        load_sets(loaded, "", sets, 1);
        assert_null(loaded->config);
        assert_string_equal(strbuf_text(&loaded->errors), expected);
    }
}

static void a_path_is_not_the_shell_s(void **state)
{
    refuses_one(*state, "[log]\npath = \"/x/s.log\"\n",
                "2: log.path: bad path '\"/x/s.log\"': the quotes would be a part of the name; write the path itself");
    refuses_one(*state, "[log]\npatterns = '/x/p'\n",
                "2: log.patterns: bad path ''/x/p'': the quotes would be a part of the name; write the path itself");
    refuses_one(*state, "[history]\ndb = ~/h.db\n",
                "2: history.db: bad path '~/h.db': ~ is not replaced by a home directory; write the path itself");
    refuses_one(
        *state, "[metrics]\ntextfile = $STATE_DIRECTORY/a.prom\n",
        "2: metrics.textfile: bad path '$STATE_DIRECTORY/a.prom': a variable is not replaced by its value; write the "
        "path itself");
    refuses_one(*state, "[webhook a]\nurl = http://h/\ntoken_file = /etc/${X}/t\n",
                "3: webhook a.token_file: bad path '/etc/${X}/t': a variable is not replaced by its value; write the "
                "path itself");
    refuses_one(*state, "[log]\npath = /x/s.log\"\n",
                "2: log.path: bad path '/x/s.log\"': the quotes would be a part of the name; write the path itself");
    refuses_one(*state, "[log]\npath = file:///x/s.log\n",
                "2: log.path: bad path 'file:///x/s.log': a URL is not a path; write the path itself");
    assert_non_null(load(*state, "[log]\npath = /x/it's $5 \"and\" ~.log\n"));
}

/* libpq would repeat what stands in a wrong place, such as a part of a password that it takes for a port. */
static void a_dsn_holds_no_password(void **state)
{
    static const char *const bad[] = { "host=h password=x",         "host=h password = 'x'",
                                       "host=h sslpassword=x",      "postgresql://u:x@h/db",
                                       "postgres://a,u:x@h/db",     "postgresql://u@h/db?password=x",
                                       "postgresql://u:x/y@h:1/db", "host=h PASSWORD=x" };
    static const char *const good[] = { "host=h user=u passfile=/x/y", "postgresql://u@h:5432/db",
                                        "postgresql://h:5432/db", "postgresql://h:5432/db?application_name=a@b", "db" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "[watermark]\ndsn = %s\n", bad[i]);
        refuses_one(*state, text, "2: watermark.dsn: a password does not belong here: use passfile or password_file");
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "[watermark]\ndsn = %s\n", good[i]);
        assert_non_null(load(*state, text));
    }
}

static void the_name_of_standard_output_is_taken(void **state)
{
    refuses_one(*state, "[webhook stdout]\nurl = http://h/\n",
                "1: [webhook stdout]: this name stands for standard output in the history; choose another one");
    assert_non_null(load(*state, "[webhook stdout2]\nurl = http://h/\n"));
}

/* The file's mode, what stands in it, and the section that the warning names (NULL: no warning). */
static void warns(struct loaded *loaded, mode_t mode, const char *text, const char *section)
{
    assert_int_equal(chmod(loaded->path, mode), 0);
    assert_non_null(load(loaded, text));
    const char *warnings = strbuf_text(&loaded->warnings);
    assert_null(strstr(warnings, "s3cret"));
    if (section) {
        char expected[256];
        snprintf(expected, sizeof expected, "%s: [%s] holds a secret, and everybody may read the file: chmod o= %s\n",
                 loaded->path, section, loaded->path);
        assert_string_equal(warnings, expected);
    } else {
        assert_string_equal(warnings, "");
    }
}

static void a_secret_that_everybody_may_read_is_warned_of(void **state)
{
    static const struct {
        const char *section, *text;
    } secrets[] = {
        { "webhook a", "[webhook a]\nurl = https://hooks.slack.com/services/s3cret\n" },
        { "webhook a", "[webhook a]\nurl = http://h/\nheader = Authorization: Bearer s3cret\n" },
        { "webhook a", "[webhook a]\nurl = http://h/\nheader = X-Api-Key: s3cret\n" },
        { "webhook a", "[webhook a]\nurl = http://user:s3cret@h/\n" },
        { "webhook a", "[webhook a]\nurl = http://h/?key=s3cret\n" },
        { "heartbeat", "[heartbeat]\nurl = https://hc.example/s3cret\n" },
        { "probe p", "[probe p]\nurl = https://user:s3cret@ch:8443/\n" },
        { "probe p", "[probe p]\nurl = https://ch:8443/?password=s3cret\n" },
        { "probe p", "[probe p]\nurl = https://ch:8443/?x=1&API_KEY=s3cret\n" },
        { "metrics", "[metrics]\nurl = https://ch/metrics?auth=s3cret\n" },
        { "metrics", "[metrics]\nurl = https://user:s3cret@ch:8443/metrics\n" },
    };
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        warns(*state, 0644, secrets[i].text, secrets[i].section);
        warns(*state, 0640, secrets[i].text, NULL);
        warns(*state, 0600, secrets[i].text, NULL);
    }
}

static void what_is_no_secret_is_not_warned_of(void **state)
{
    warns(*state, 0644, "[webhook am]\nurl = http://am:9093\nformat = alertmanager\n", NULL);
    warns(*state, 0644, "[webhook a]\nurl = http://h/\nheader = content-type: text/plain\nheader = Accept: */*\n",
          NULL);
    warns(*state, 0644,
          "[probe p]\nurl = http://clickhouse:8123/ping\n[metrics]\nurl = http://localhost:8000/metrics\n", NULL);
    warns(*state, 0644, "[heartbeat]\nurl = http://h/\n[probe t]\nurl = tcp://db:5432\n", NULL);
}

static void a_secret_s_file_that_everybody_may_read_is_warned_of(void **state)
{
    struct loaded *loaded = *state;
    char key[80], text[256], expected[400];
    snprintf(key, sizeof key, "%s.key", loaded->path);
    snprintf(text, sizeof text, "[webhook a]\nurl = http://h/\ntoken_file = %s\n", key);
    snprintf(expected, sizeof expected,
             "%s:3: webhook a.token_file: everybody may read the secret in %s: chmod o= %s\n", loaded->path, key, key);
    FILE *file = fopen(key, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(key, 0644), 0);
    assert_non_null(load(loaded, text));
    assert_string_equal(strbuf_text(&loaded->warnings), expected);
    assert_int_equal(chmod(key, 0640), 0);
    assert_non_null(load(loaded, text));
    assert_string_equal(strbuf_text(&loaded->warnings), "");
    unlink(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADING(a_host_s_international_name_is_converted),
        LOADING(an_ascii_name_stays_as_it_was_written),
        LOADING(a_name_that_cannot_be_converted_is_refused),
        LOADING(a_path_is_not_the_shell_s),
        LOADING(a_dsn_holds_no_password),
        LOADING(the_name_of_standard_output_is_taken),
        LOADING(a_secret_that_everybody_may_read_is_warned_of),
        LOADING(what_is_no_secret_is_not_warned_of),
        LOADING(a_secret_s_file_that_everybody_may_read_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
