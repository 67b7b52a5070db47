/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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

static void a_hostile_text_ends_in_good_time(void **unused)
{
    struct strbuf text = { 0 }, out = { 0 };

    (void)unused;
    for (int i = 0; i < 3000; i++)
        strbuf_puts(&text, "a://:password");
    mask_secrets(text.at, &out);
    assert_true(out.len > 0);
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
        cmocka_unit_test(a_hostile_text_ends_in_good_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
