/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "agent/base/mask_patterns.h"
#include "base/budgets.h"
#include "base/mask.h"

static void url_becomes(const char *url, const char *expected)
{
    struct strbuf out = { 0 };

    mask_url(url, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void text_becomes(const char *text, const char *expected)
{
    struct strbuf out = { 0 };

    mask_secrets(text, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void text_stays(const char *text)
{
    text_becomes(text, text);
}

static void of_a_url_only_scheme_host_and_port_are_seen(void **unused)
{
    (void)unused;
    url_becomes("https://hooks.slack.com/services/T0/B0/XyZ", "https://hooks.slack.com/***");
    url_becomes("http://127.0.0.1:9000/hook", "http://127.0.0.1:9000/***");
    url_becomes("https://user:pass@example.org", "https://example.org/***");
    url_becomes("https://example.org/?token=abc", "https://example.org/***");
    url_becomes("https://user:pass@example.org:8443/a/b?c=d#e", "https://example.org:8443/***");
    url_becomes("http://alertmanager:9093", "http://alertmanager:9093");
    url_becomes("http://alertmanager:9093/", "http://alertmanager:9093");
    url_becomes("http://[::1]:9093/x", "http://[::1]:9093/***");
    url_becomes("tcp://db.internal:5432", "tcp://db.internal:5432");
    url_becomes("no url at all", "***");
    url_becomes("", "***");
}

static void credentials_in_urls_are_masked(void **unused)
{
    (void)unused;
    text_becomes("failed: http://default:s3cret@clickhouse:8123/?q=1", "failed: http://***@clickhouse:8123/?q=1");
    text_becomes("jdbc:postgresql://u:p@ss@db:5432/x", "jdbc:postgresql://***@db:5432/x");
    text_becomes("postgresql://u:p/w@db/x refused", "postgresql://***@db/x refused");
    text_becomes("https://hooks.slack.com/services/T0/B0/XyZ 404", "https://hooks.slack.com/*** 404");
    text_becomes("jdbc:clickhouse://h:8123/d?user=a&password=b&ssl=true",
                 "jdbc:clickhouse://h:8123/d?user=a&password=***&ssl=true");
    text_becomes("jdbc:sqlserver://h;user=sa;password=Pa55!;encrypt=true",
                 "jdbc:sqlserver://h;user=sa;password=***;encrypt=true");
}

static void keys_that_name_a_secret_are_masked(void **unused)
{
    (void)unused;
    text_becomes("password=hunter2", "password=***");
    text_becomes("PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql");
    text_becomes("password: \"two words\", next", "password: ***, next");
    text_becomes("{\"password\": \"x y\", \"user\": \"u\"}", "{\"password\": ***, \"user\": \"u\"}");
    text_becomes("{\\\"password\\\": \\\"x\\\"}", "{\\\"password\\\": ***}");
    text_becomes("spark.hadoop.fs.s3a.secret.key=abc/def+ghi", "spark.hadoop.fs.s3a.secret.key=***");
    text_becomes("fs.s3a.access.key=abc", "fs.s3a.access.key=***");
    text_becomes("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = ***");
    text_becomes("api_key=1 apiKey=2 API-KEY: 3", "api_key=*** apiKey=*** API-KEY: ***");
    text_becomes("Passwd => 'a b'", "Passwd => ***");
    text_becomes("clickhouse-client --password hunter2 --query x", "clickhouse-client --password *** --query x");
    text_becomes("wrong token: --token hunter2", "wrong token: --token ***");
    text_becomes("--token --password hunter2", "--token --password ***");
    text_becomes("clickhouse-client --password=hunter2 --query x", "clickhouse-client --password=*** --query x");
    text_becomes("x?X-Amz-Signature=abcdef&X-Amz-Date=1", "x?X-Amz-Signature=***&X-Amz-Date=1");
}

static void tokens_are_masked_where_they_stand(void **unused)
{
    (void)unused;
    text_becomes("Authorization: Bearer abc.def", "Authorization: ***");
    text_becomes("{\"Authorization\": \"Basic dXNlcjpwYXNz\"}", "{\"Authorization\": \"***\"}");
    text_becomes("sent Bearer abc123def456", "sent Bearer ***");
    text_becomes("key AKIAIOSFODNN7EXAMPLE used", "key *** used");
    text_becomes("xoxb-123456789012-abcdef", "***");
    text_becomes("ghp_abcdefghijklmnopqrstuvwxyz0123", "***");
    text_becomes("jwt eyJhbGciOi.eyJzdWIi.c2ln end", "jwt *** end");
    text_becomes("a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb", "a\n***\nb");
    text_becomes("-----BEGIN PRIVATE KEY-----\nMIIE", "***");
}

static void ordinary_evidence_stays_as_it_is(void **unused)
{
    (void)unused;
    text_stays("");
    text_stays("✗ Offload failed: bronze_trades_kraken");
    text_stays("java.net.ConnectException: Connection refused: clickhouse/172.18.0.3:8123");
    text_stays("password authentication failed for user \"offload\"");
    text_stays("Basic authentication failed");
    text_stays("could not connect to server: http://clickhouse:8123/ping at 10:15");
    text_stays("No such container: k2-spark-iceberg");
    text_stays("docker exec k2-spark python offload.py --table bronze --watermark 2026-02-12T19:34:58");
    text_stays("the key was not found; exit 137");
    text_stays("invalid bytes \xff\xfe stay too");
}

/* A log cuts a text after so many characters, and the agent does too: the rest of a secret is a secret. */
static void a_secret_that_was_cut_is_masked(void **unused)
{
    (void)unused;
    text_becomes("cannot reach jdbc:clickhouse://default:hunt", "cannot reach jdbc:clickhouse://***");
    text_stays("cannot reach http://default:");
    text_becomes("{\"password\": \"two wor", "{\"password\": ***");
    text_becomes("--password 'two wor\nnext line", "--password ***\nnext line");
    text_becomes("jwt eyJhbGciOi.eyJzd", "jwt ***");
    text_becomes("{\"token\": \"a\\\"b\", \"user\": \"u\"}", "{\"token\": ***, \"user\": \"u\"}");
    text_stays("cannot reach http://clickhouse:8123");
    text_stays("cannot reach (http://clickhouse:8123).");
    text_stays("cannot reach http://[::1]:8123");
    text_stays("cannot reach http://clickhouse");
}

/* For each pattern, what comes near to it again and again without being it. The pattern's cost is greatest on one of these. */
static const char *const near_misses[] = {
    "-----BEGIN PRIVATE KEY PRIVATE KEY ",
    "-----BEGIN PRIVATE KEY------",
    "-----BEGIN RSA PRIVATE KEY-----AAAA-----END ",
    "-----END ",
    "://",
    "://a",
    "://a:a:a",
    "a://:password",
    "https://user:pass/",
    "://a @",
    "https://user:pass/ @",
    "://a:b:c@:",
    "http://hooks.",
    "http://hooks.example",
    "authorization\"\" ",
    "authorization:",
    "authorization \\",
    "Bearer ",
    "Basic abcdefgh",
    "bearer\t",
    "password",
    "password=password=",
    "password=\"",
    "password='",
    "password=\\\"",
    "pass\\\"=\\",
    "secret.key.",
    "token=>",
    "token =\"\\",
    "x-amz-signature-",
    "sig.",
    "--password ",
    "--secret-key \"",
    "--token",
    "AKIA",
    "AKIAAAAAAAAAAAAAAAA ",
    "xoxb-",
    "ghp_",
    "glpat-a ",
    "-eyJ",
    "eyJ",
    "-eyJ-eyJ.",
    "eyJaaaaaa.",
    "eyJaaaaaa ",
    "eyJaaaaaa.b ",
    "QUJDRA",
    "a",
    "-",
    "\"",
    "'",
    "\\",
    " ",
    "\n",
    "@",
    "=",
    "\xff",
};
enum { NEAR_MISSES = sizeof near_misses / sizeof near_misses[0] };

/* Exactly len bytes of the near miss with this index; one beyond the last is all of them, each in its turn. */
static void fill(struct strbuf *text, size_t index, size_t len)
{
    strbuf_clear(text);
    for (size_t i = 0; text->len < len; i++)
        strbuf_puts(text, near_misses[index < NEAR_MISSES ? index : i % NEAR_MISSES]);
    text->len = len;
}

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The processor time for all patterns, each on the same text. */
static int64_t cost_ns(struct mask_patterns *patterns, const struct strbuf *text)
{
    struct strbuf out = { 0 };
    int64_t begin_ns = cpu_ns();
    for (size_t pattern = 0; pattern < mask_patterns_count(); pattern++) {
        strbuf_clear(&out);
        if (mask_patterns_apply(patterns, pattern, strbuf_slice(text), &out) == MASK_GAVE_UP)
            fail_msg("pattern %zu gave up on %.40s", pattern, text->at);
    }
    int64_t spent_ns = cpu_ns() - begin_ns;
    strbuf_free(&out);
    return spent_ns;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/*
 * If a pattern went back over what it has passed, 16 times the text would cost 256 times as much. Others use the machine as well, and
 * only ever add to a cost: the least of several is compared, and of up to fifty before a pattern is said to be slow.
 */
static void assert_linear(enum mask_speed speed, size_t least_bytes, size_t most_bytes)
{
    struct mask_patterns *patterns = mask_patterns_open(speed);
    struct strbuf little = { 0 }, much = { 0 };
    for (size_t i = 0; i <= NEAR_MISSES; i++) {
        int64_t little_ns = INT64_MAX, much_ns = INT64_MAX;
        fill(&little, i, least_bytes);
        fill(&much, i, most_bytes);
        int64_t bound = (int64_t)(most_bytes / least_bytes) * 4;
        for (int tried = 0; tried < 3 || (tried < 50 && much_ns / bound > little_ns); tried++) {
            little_ns = smaller(little_ns, cost_ns(patterns, &little));
            much_ns = smaller(much_ns, cost_ns(patterns, &much));
        }
        if (much_ns / bound > little_ns)
            fail_msg("%.40s: %lld ns for %zu bytes, %lld ns for %zu", much.at, (long long)little_ns, least_bytes,
                     (long long)much_ns, most_bytes);
    }
    strbuf_free(&little);
    strbuf_free(&much);
    mask_patterns_close(patterns);
}

static void the_time_is_in_proportion_to_the_length(void **unused)
{
    (void)unused;
    assert_linear(MASK_JIT, 64 * 1024, 1024 * 1024);
    assert_linear(MASK_INTERPRETED, 4 * 1024, 64 * 1024);
}

static void both_engines_find_the_same(void **unused)
{
    struct mask_patterns *compiled = mask_patterns_open(MASK_JIT), *slow = mask_patterns_open(MASK_INTERPRETED);
    struct strbuf text = { 0 }, a = { 0 }, b = { 0 };
    (void)unused;
    for (size_t i = 0; i <= NEAR_MISSES; i++) {
        fill(&text, i, 10000);
        for (size_t pattern = 0; pattern < mask_patterns_count(); pattern++) {
            strbuf_clear(&a);
            strbuf_clear(&b);
            assert_int_equal(mask_patterns_apply(compiled, pattern, strbuf_slice(&text), &a),
                             mask_patterns_apply(slow, pattern, strbuf_slice(&text), &b));
            assert_string_equal(strbuf_text(&a), strbuf_text(&b));
        }
    }
    strbuf_free(&text);
    strbuf_free(&a);
    strbuf_free(&b);
    mask_patterns_close(compiled);
    mask_patterns_close(slow);
}

static void a_text_of_the_budget_is_kept_and_the_rest_is_said(void **unused)
{
    struct strbuf text = { 0 }, out = { 0 };
    (void)unused;
    while (text.len < MASKED_TEXT_MAX_BYTES)
        strbuf_puts(&text, "x");
    mask_secrets(text.at, &out);
    assert_string_equal(out.at, text.at);
    strbuf_puts(&text, "y");
    strbuf_clear(&out);
    mask_secrets(text.at, &out);
    assert_int_equal(memcmp(out.at, text.at, MASKED_TEXT_MAX_BYTES), 0);
    assert_string_equal(out.at + MASKED_TEXT_MAX_BYTES, "… (1 more bytes are left out)");
    strbuf_free(&text);
    strbuf_free(&out);
}

static void a_secret_across_the_budget_is_masked(void **unused)
{
    struct strbuf text = { 0 }, out = { 0 };
    (void)unused;
    while (text.len < MASKED_TEXT_MAX_BYTES - 16)
        strbuf_puts(&text, " ");
    strbuf_puts(&text, "http://user:hunter2hunter2@host");
    mask_secrets(text.at, &out);
    assert_null(strstr(out.at, "hunter"));
    strbuf_free(&text);
    strbuf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_url_only_scheme_host_and_port_are_seen),
        cmocka_unit_test(credentials_in_urls_are_masked),
        cmocka_unit_test(keys_that_name_a_secret_are_masked),
        cmocka_unit_test(tokens_are_masked_where_they_stand),
        cmocka_unit_test(ordinary_evidence_stays_as_it_is),
        cmocka_unit_test(a_secret_that_was_cut_is_masked),
        cmocka_unit_test(the_time_is_in_proportion_to_the_length),
        cmocka_unit_test(both_engines_find_the_same),
        cmocka_unit_test(a_text_of_the_budget_is_kept_and_the_rest_is_said),
        cmocka_unit_test(a_secret_across_the_budget_is_masked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
