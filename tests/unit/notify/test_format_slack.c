/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload_help.h"

static const char LONGEST_TEXT[] = "SELECT max(length(value)) FROM json_tree(?1) WHERE key = 'text' AND type = 'text'";
static const char HEADER_TEXT[] =
    "SELECT max(length(json_extract(value, '$.text.text'))) FROM json_tree(?1) WHERE type = 'object'"
    " AND json_extract(value, '$.type') = 'header'";
static const char BLOCKS[] = "SELECT json_array_length(?1, '$.blocks')";

static void slack_s_limits_hold_in_characters_after_escaping(void **state)
{
    struct message message = message_of(ALERT_LAG_CRITICAL, SEVERITY_CRITICAL, NOTIFY_FIRING, 2);
    static const char *const letters[] = { "x", "&", "✗", "x&" };

    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        struct strbuf text = { 0 };
        for (int j = 0; j < 5000; j++)
            strbuf_puts(&text, letters[i]);
        message.summary = message.evidence = message.cause = text.at;
        render(*state, FORMAT_SLACK, &message, 1, false);
        assert_in_range(number(*state, LONGEST_TEXT), 1500, 3000);
        assert_in_range(number(*state, HEADER_TEXT), 1, 150);
        assert_null(strstr(((struct bench *)*state)->body.at, "&am…"));
        render(*state, FORMAT_SLACK, &message, 1, true);
        says(*state, "$.blocks", "(none)");
        assert_in_range(number(*state, LONGEST_TEXT), 100, 400);
        strbuf_free(&text);
    }
}

static void slack_gets_a_person_s_page(void **state)
{
    struct message message = message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_FIRING, 2);
    char summary[] = "rows < 5 & <!channel> > 0", evidence[] = "a ``` b `````` <c>";

    message.summary = summary;
    render(*state, FORMAT_SLACK, &message, 1, false);
    says(*state, "$.text", "host-1: rows &lt; 5 &amp; &lt;!channel&gt; &gt; 0");
    says(*state, "$.attachments", "(none)");
    says(*state, "$.blocks[0].type", "header");
    says(*state, "$.blocks[0].text.text", "host-1: rows < 5 & <!channel> > 0");
    says(*state, "$.blocks[1].text.text", "```docker logs clickhouse```");
    says(*state, "$.blocks[1].text.verbatim", "1");
    says(*state, "$.blocks[2].text.text",
         "*Runbook*\niceberg-offload-failure.md, scenario 2: ClickHouse connectivity failure");
    says(*state, "$.blocks[3].text.text", "*Likely cause* ClickHouse refuses connections");
    says(*state, "$.blocks[4].text.text", "```jdbc:clickhouse://***@ch:8123 refused```");
    says(*state, "$.blocks[5].type", "context");
    says(*state, "$.blocks[5].elements[0].text",
         "critical, since <!date^1771999999^{date_short_pretty} {time}|2026-02-25 06:13 (UTC+00:00)>");
    says(*state, "$.blocks[5].elements[1].text", "bronze_trades_binance, bronze_trades_kraken");
    message.evidence = evidence; /* what ends a code block would let the rest be taken for markup */
    render(*state, FORMAT_SLACK, &message, 1, false);
    says(*state, "$.blocks[4].text.text", "```a ``\xe2\x80\x8b` b ``\xe2\x80\x8b``\xe2\x80\x8b`` &lt;c&gt;```");
}

static void slack_takes_no_more_than_fifty_blocks(void **state)
{
    struct message messages[120];

    for (size_t i = 0; i < 120; i++)
        messages[i] = message_of(ALERT_LAG_CRITICAL, SEVERITY_CRITICAL, NOTIFY_FIRING, (int64_t)i + 1);
    render(*state, FORMAT_SLACK, messages, 120, false);
    assert_int_equal(number(*state, BLOCKS), 50);
    says(*state, "$.blocks[1].text.text", "72 older ones are left out; `agent incidents` lists all");
    render(*state, FORMAT_SLACK, messages, 48, false);
    assert_int_equal(number(*state, BLOCKS), 49);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RENDERING(slack_s_limits_hold_in_characters_after_escaping),
        RENDERING(slack_gets_a_person_s_page),
        RENDERING(slack_takes_no_more_than_fifty_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
