/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_help.h"

#include <curl/curl.h>

#include "config_keys.h"

static void no_file_means_the_core_s_own_defaults(void **state)
{
    struct loaded *loaded = *state;
    struct settings core;
    struct config *config = load(loaded, "");

    assert_non_null(config);
    memset(&core, 0, sizeof core);
    settings_default(&core);
    assert_memory_equal(&config->settings.schedule, &core.schedule, sizeof core.schedule);
    assert_memory_equal(&config->settings.detect, &core.detect, sizeof core.detect);
    assert_int_equal(config->settings.notify.reminder_ms, core.notify.reminder_ms);
    assert_int_equal(config->settings.notify.escalation_ms, core.notify.escalation_ms);
    assert_int_equal(config->settings.notify.resolved, core.notify.resolved);
    assert_string_equal(config->log_path, "/tmp/iceberg-offload-scheduler.log");
    assert_int_equal(config->retention_ms, INT64_C(90) * 24 * 3600 * 1000);
    assert_int_equal(config->heartbeat_every_ms, 300000);
    assert_null(config->log_timezone);
    assert_null(config->metrics_url);
    assert_true(strlen(config->host) > 0);
    assert_int_equal(config->webhook_count, 0);
}

static void a_named_file_must_be_there_the_default_one_need_not(void **state)
{
    struct loaded *loaded = *state;

    assert_null(config_load("/nonexistent/agent.conf", NULL, 0, &loaded->errors, &loaded->warnings));
    assert_string_equal(strbuf_text(&loaded->errors), "/nonexistent/agent.conf: No such file or directory\n");
    strbuf_clear(&loaded->errors);
    setenv("AGENT_CONFIG", "/nonexistent/other.conf", 1);
    assert_null(config_load(NULL, NULL, 0, &loaded->errors, &loaded->warnings));
    unsetenv("AGENT_CONFIG");
    if (access("/etc/iceberg-offload-agent/agent.conf", F_OK) != 0) {
        strbuf_clear(&loaded->errors);
        loaded->config = config_load(NULL, NULL, 0, &loaded->errors, &loaded->warnings);
        assert_non_null(loaded->config);
    }
    strbuf_clear(&loaded->errors);
    assert_null(config_load("/tmp", NULL, 0, &loaded->errors, &loaded->warnings));
    assert_string_equal(strbuf_text(&loaded->errors), "/tmp: Is a directory\n");
}

static void values_of_every_type_are_read(void **state)
{
    struct config *config = load(
        *state,
        "\xEF\xBB\xBF# a comment\n; another\n\n"
        "[log]\npath=/x y\n  timezone = Europe/Berlin   \n"
        "[schedule]\ninterval = 1.5h ; inline\nlate_warning = 100ms # inline\n"
        "[detect]\nfailures_warning = 4\nfailures_critical = 5\nslow_z = 4.5\nstall_warning_p = 1e-3\nlag_warning = 0\n"
        "[notify]\nresolved = No\nreminder = 0\n"
        "[webhook ops]\nurl = https://example.org/a?b=c#d\nformat = slack\nmin_severity = critical\ntimeout = 3\n"
        "header = X-A: 1\nheader = X-B: 2\n"
        "[webhook \"two\"]\r\nurl = http://h/x\r\n"
        "[probe db]\nurl = tcp://db:5432\n[probe spark]\ncontainer = spark\n");

    assert_non_null(config);
    assert_string_equal(config->log_path, "/x y");
    assert_string_equal(config->log_timezone, "Europe/Berlin");
    assert_int_equal(config->settings.schedule.interval_ms, 5400000);
    assert_int_equal(config->settings.schedule.late_warning_ms, 100);
    assert_int_equal(config->settings.detect.failures_critical, 5);
    assert_true(config->settings.detect.slow_z == 4.5);
    /* The cast rounds the constant to a double; 32-bit x86 compares with more digits otherwise. */
    assert_true(config->settings.detect.stall_warning_p == (double)1e-3);
    assert_false(config->settings.notify.resolved);
    assert_int_equal(config->settings.notify.reminder_ms, 0);
    assert_int_equal(config->webhook_count, 2);
    const struct webhook_config *ops = &config->webhooks[0];
    assert_string_equal(ops->name, "ops");
    assert_string_equal(ops->url, "https://example.org/a?b=c#d");
    assert_int_equal(ops->format, FORMAT_SLACK);
    assert_int_equal(ops->min_severity, SEVERITY_CRITICAL);
    assert_int_equal(ops->timeout_ms, 3000);
    assert_int_equal(ops->header_count, 2);
    assert_string_equal(ops->headers[1], "X-B: 2");
    assert_string_equal(config->webhooks[1].name, "two");
    assert_int_equal(config->webhooks[1].timeout_ms, 10000);
    assert_int_equal(config->probe_count, 2);
    assert_string_equal(config->probes[1].container, "spark");
    assert_int_equal(config->probes[1].timeout_ms, 3000);
}

static void unknown_names_come_with_the_nearest_one(void **state)
{
    refuses_one(*state, "[detct]\ncycle_slow = 1s\nx = y\n", "1: [detct]: unknown section; the nearest is [detect]");
    refuses_one(*state, "[detect]\n\ncycle_slwo = 1s\n",
                "3: detect.cycle_slwo: unknown key; the nearest is 'cycle_slow'");
    refuses_one(*state, "[webhook a]\nurl = http://h/\nheaders = x\n",
                "3: webhook a.headers: unknown key; the nearest is 'header'");
    refuses_one(*state, "[webhook a]\nurl = http://h/\nformat = slak\n",
                "3: webhook a.format: unknown format 'slak'; the nearest is 'slack'");
    refuses_one(*state, "[webhok ops]\n", "1: [webhok ops]: unknown section; the nearest is [webhook]");
}

/* Something else that exists is no help to somebody who meant neither. */
static void a_name_that_is_near_to_nothing_comes_without_one(void **state)
{
    refuses_one(*state, "[spark]\nx = y\n", "1: [spark]: unknown section; agent.conf(5) lists all");
    refuses_one(*state, "[detect]\ncolour = 1s\n", "2: detect.colour: unknown key; agent.conf(5) lists all");
    refuses_one(*state, "[webhook a]\nurl = http://h/\nformat = carrier-pigeon\n",
                "3: webhook a.format: unknown format 'carrier-pigeon'; there are generic, slack, pagerduty, "
                "alertmanager, email, ntfy, teams, discord, telegram and template");
}

static void every_error_is_found_with_its_line(void **state)
{
    const char *const expected[] = {
        "1: path: stands before the first [section]",
        ("3: detect.cycle_slow: bad value '5x': needs a duration of at least 100ms, such as 90s, 5m or 1h30m"
         " (a plain number is seconds)"),
        "4: neither a [section] nor a key = value",
        "6: detect.cycle_too_slow: set twice, first in line 5",
        "7: a section needs a closing ']'",
        "9: [log x]: [log] takes no name",
        "11: [webhook]: needs a name of letters, digits and ._- as in [webhook NAME]",
        "13: notify.resolved: bad value 'maybe': needs yes or no",
        "14: notify.host: no value given: needs a text",
    };

    refuses(*state,
            "path = x\n[detect]\ncycle_slow = 5x\nwhat is this\ncycle_too_slow = 1h\ncycle_too_slow = 2h\n"
            "[detect\nfoo = bar\n"
            "[log x]\npath = y\n[webhook]\n[notify]\nresolved = maybe\nhost =\n",
            expected, sizeof expected / sizeof expected[0]);
}

static void a_duplicate_across_sections_of_one_name_is_found_too(void **state)
{
    refuses_one(*state, "[log]\npath = a\n[notify]\nhost = h\n[log]\npath = b\n",
                "6: log.path: set twice, first in line 2");
}

static void what_no_single_entry_shows_is_checked(void **state)
{
    refuses_one(*state, "\n[webhook a]\nformat = slack\n", "2: webhook a.url: missing");
    refuses_one(*state, "[webhook a]\nurl = http://h/\nformat = pagerduty\n",
                "1: webhook a.routing_key_file: format pagerduty needs it");
    refuses_one(*state, "[webhook a]\nurl = http://h/\nrouting_key_file = /k\n",
                "3: webhook a.routing_key_file: only format pagerduty has one");
    refuses_one(*state, "[webhook a]\nurl = ftp://h/x\n",
                "2: webhook a.url: ftp:// does not fit: needs an http or https URL, or smtp or smtps for e-mail");
    char libcurl_says[128]; /* its words differ from version to version */
    snprintf(libcurl_says, sizeof libcurl_says, "2: webhook a.url: not a URL: %s", curl_url_strerror(CURLUE_NO_HOST));
    refuses_one(*state, "[webhook a]\nurl = http://\n", libcurl_says);
    refuses_one(*state, "[probe a]\ntimeout = 1s\n", "1: probe a.url: missing (or a container)");
    refuses_one(*state, "[probe a]\nurl = tcp://h:1\ncontainer = c\n",
                "3: probe a.container: either a url or a container, not both");
    refuses_one(*state, "[webhook a]\nurl = http://h/\nheader = nonsense\n",
                "3: webhook a.header: needs a header, \"Name: value\"");
    refuses_one(*state, "[webhook a]\nurl = http://h/\nheader =;no token: 1\n",
                "3: webhook a.header: needs a header, \"Name: value\"");
}

static void urls_are_completed(void **state)
{
    struct config *config =
        load(*state, "[webhook a]\nurl = http://am:9093\nformat = alertmanager\n"
                     "[webhook b]\nurl = http://am:9093/prefix/api/v2/alerts\nformat = alertmanager\n"
                     "[webhook c]\nformat = pagerduty\nrouting_key_file = /k\n");

    assert_non_null(config);
    assert_string_equal(config->webhooks[0].url, "http://am:9093/api/v2/alerts");
    assert_string_equal(config->webhooks[1].url, "http://am:9093/prefix/api/v2/alerts");
    assert_string_equal(config->webhooks[2].url, "https://events.pagerduty.com/v2/enqueue");
}

static void bounds_are_kept(void **state)
{
    static const char *const bad[] = {
        "[schedule]\nlate_warning = 99ms\n", "[schedule]\nlate_warning = 0\n",    "[schedule]\ninterval = 50ms\n",
        "[schedule]\ninterval = -1\n",       "[detect]\nmin_samples = 0\n",       "[detect]\nmin_samples = 1.5\n",
        "[detect]\nmin_samples = 1000001\n", "[detect]\nslow_z = nan\n",          "[detect]\nslow_z = 0\n",
        "[detect]\nstall_warning_p = 1\n",   "[detect]\nstall_warning_p = inf\n", "[history]\nretention = 99999999d\n",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_null(load(*state, bad[i]));
    assert_non_null(load(*state, "[schedule]\nlate_warning = 100ms\ninterval = 0\n[detect]\nmin_samples = 1000000\n"));
}

static void hostile_files_are_refused_not_misread(void **state)
{
    struct loaded *loaded = *state;
    struct strbuf text = { 0 };

    strbuf_puts(&text, "[log]\npath = /");
    for (int i = 0; i < 8000; i++)
        strbuf_puts(&text, "x");
    assert_non_null(load(loaded, text.at));
    assert_int_equal(strlen(loaded->config->log_path), 8001);
    for (int i = 0; i < 8000; i++)
        strbuf_puts(&text, "y = z ");
    assert_null(load(loaded, text.at));
    assert_non_null(strstr(strbuf_text(&loaded->errors), ":2: the line is longer than 8192 bytes"));
    strbuf_free(&text);
    refuses_one(loaded, "[webhook aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\nurl = http://h/\n",
                "1: the section's name is longer than 49 characters");
}

static void settings_win_over_the_file_and_are_checked_alike(void **state)
{
    struct loaded *loaded = *state;
    char *good[] = { "detect.cycle_slow=200s", "log.path = /b", "webhook ops.url=http://h:1/x",
                     "detect.cycle_slow=210s" };
    char *bad[] = { "detect.cycle_slo=1",    "nonsense",          "detect.cycle_slow=x", ".a=b",
                    "webhook.url=http://h/", "probe p.timeout=1s" };

    load_sets(loaded, "[log]\npath = /a\n", good, 4);
    assert_non_null(loaded->config);
    assert_int_equal(loaded->config->settings.detect.cycle_slow_ms, 210000);
    assert_string_equal(loaded->config->log_path, "/b");
    assert_string_equal(loaded->config->webhooks[0].name, "ops");
    load_sets(loaded, "", bad, 6);
    assert_null(loaded->config);
    assert_string_equal(
        strbuf_text(&loaded->errors),
        "--set: detect.cycle_slo: unknown key; the nearest is 'cycle_slow'\n"
        "--set: 'nonsense': needs the form section.key=value\n"
        "--set: detect.cycle_slow: bad value 'x': needs a duration of at least 100ms, such as 90s, 5m or 1h30m"
        " (a plain number is seconds)\n"
        "--set: '.a': needs the form section.key=value\n"
        "--set: [webhook]: needs a name of letters, digits and ._- as in [webhook NAME]\n"
        "--set: probe p.url: missing (or a container)\n");
}

static void a_warning_that_can_never_come_is_pointed_out(void **state)
{
    struct loaded *loaded = *state;

    assert_non_null(load(loaded, "[detect]\ncycle_slow = 20m\n"));
    assert_non_null(
        strstr(strbuf_text(&loaded->warnings), ":2: detect.cycle_slow: cycle_slow is above cycle_too_slow"));
    assert_non_null(load(loaded, "[detect]\ncycle_slow = 20m\ncycle_too_slow = 30m\nlag_warning = 1h\n"));
    assert_int_equal(loaded->warnings.len, 0);
}

static void every_key_is_taken_without_a_warning(void **state)
{
    struct loaded *loaded = *state;

    assert_non_null(load(loaded, "[probe db]\nurl = tcp://db:5432\n[metrics]\nurl = http://host/metrics\n"
                                 "textfile = /tmp/agent.prom\n[heartbeat]\nurl = http://host/\n"));
    assert_int_equal(loaded->warnings.len, 0);
}

static void the_database_follows_the_environment(void **state)
{
    setenv("HOME", "/home/u", 1);
    setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1);
    setenv("XDG_STATE_HOME", "/xdg", 1);
    assert_string_equal(load(*state, "")->history_db, "/var/lib/a/history.db");
    unsetenv("STATE_DIRECTORY");
    assert_string_equal(load(*state, "")->history_db, "/xdg/iceberg-offload-agent/history.db");
    unsetenv("XDG_STATE_HOME");
    assert_string_equal(load(*state, "")->history_db, "/home/u/.local/state/iceberg-offload-agent/history.db");
    assert_string_equal(load(*state, "[history]\ndb = /x.db\n")->history_db, "/x.db");
}

static void what_is_shown_reads_back_the_same_but_for_secrets(void **state)
{
    struct loaded *loaded = *state;
    struct strbuf first = { 0 }, second = { 0 };
    struct config *config = load(loaded, "[detect]\ncycle_slow = 90500ms\nstall_warning_p = 0.001\n"
                                         "[webhook ops]\nurl = https://h/secret\nheader = A: tok\nheader = B: tok\n");

    assert_non_null(config);
    config_show(config, &first);
    assert_null(strstr(first.at, "secret"));
    assert_null(strstr(first.at, "tok\n"));
    assert_non_null(strstr(first.at, "cycle_slow = 1m30s500ms\n"));
    config = load(loaded, first.at);
    assert_non_null(config);
    config_show(config, &second);
    assert_string_equal(first.at, second.at);
    strbuf_free(&first);
    strbuf_free(&second);
}

static void the_sample_is_a_configuration_also_with_its_comments_removed(void **state)
{
    struct loaded *loaded = *state;
    struct strbuf sample = { 0 }, bare = { 0 };

    config_sample(&sample);
    assert_non_null(load(loaded, sample.at));
    /* "# key = value" lines say the defaults: uncommented where there is one, they change nothing. */
    for (const char *line = sample.at; *line != '\0'; line += strcspn(line, "\n") + 1) {
        const char *equals = strstr(line, " = ");
        size_t len = strcspn(line, "\n");
        if (strncmp(line, "# [", 3) == 0)
            break;
        if (line[0] == '[' ||
            (line[0] == '#' && equals != NULL && equals + 3 < line + len && strchr(line + 2, ' ') == equals)) {
            size_t skip = line[0] == '#' ? 2 : 0;
            strbuf_add(&bare, line + skip, len + 1 - skip);
        }
    }
    assert_non_null(strstr(bare.at, "late_critical = 120s\n"));
    assert_non_null(load(loaded, bare.at));
    assert_int_equal(loaded->config->settings.schedule.late_critical_ms, 120000);
    strbuf_free(&sample);
    strbuf_free(&bare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADING(no_file_means_the_core_s_own_defaults),
        LOADING(a_named_file_must_be_there_the_default_one_need_not),
        LOADING(values_of_every_type_are_read),
        LOADING(unknown_names_come_with_the_nearest_one),
        LOADING(a_name_that_is_near_to_nothing_comes_without_one),
        LOADING(every_error_is_found_with_its_line),
        LOADING(a_duplicate_across_sections_of_one_name_is_found_too),
        LOADING(what_no_single_entry_shows_is_checked),
        LOADING(urls_are_completed),
        LOADING(bounds_are_kept),
        LOADING(hostile_files_are_refused_not_misread),
        LOADING(settings_win_over_the_file_and_are_checked_alike),
        LOADING(a_warning_that_can_never_come_is_pointed_out),
        LOADING(every_key_is_taken_without_a_warning),
        LOADING(the_database_follows_the_environment),
        LOADING(what_is_shown_reads_back_the_same_but_for_secrets),
        LOADING(the_sample_is_a_configuration_also_with_its_comments_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
