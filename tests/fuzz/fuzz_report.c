/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/report/report.h"
#include "agent/commands/show/escape.h"
#include "agent/commands/show/terminal.h"
#include "fuzz.h"

/*
 * Any bytes as every text of a report that people, logs and receivers fill; the first byte says which report in which format. Its
 * structure (tags, lines, brackets) must be that of a report on harmless words, and nothing in it acts on a terminal or a reader.
 */
enum format { FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_HTML, FORMAT_JSON, FORMATS };
enum { WORDS_MOST = 12, KINDS = 2 };

static const int64_t BEGIN_MS = INT64_C(1772496000000), MINUTE_MS = 60000;

/* The lines of the input, over and over; words[0] if it has none. */
struct source {
    char *words[WORDS_MOST];
    size_t count, next;
};

static char *word(struct source *source)
{
    return source->words[source->next++ % source->count];
}

static struct report_incident incident_of(struct source *source, int64_t id)
{
    return (struct report_incident){
        .id = id,
        .alert = id % 2 ? ALERT_CONSECUTIVE_FAILURES : ALERTS,
        .alert_name = id % 2 ? (char *)"IcebergOffloadConsecutiveFailures" : word(source),
        .table = word(source),
        .tables = word(source),
        .tables_json = (char *)"[\"t\"]",
        .severity = (char *)"critical",
        .onset_ms = BEGIN_MS,
        .opened_ms = BEGIN_MS + MINUTE_MS,
        .critical_ms = BEGIN_MS + 2 * MINUTE_MS,
        .resolved_ms = BEGIN_MS + 40 * MINUTE_MS,
        .notified_ms = BEGIN_MS + MINUTE_MS,
        .cause = word(source),
        .deviations = word(source),
        .likely_cause = word(source),
        .scenario = word(source),
        .runbook = word(source),
        .first_command = word(source),
        .evidence = word(source),
        .summary = word(source),
    };
}

static void render(struct source *source, enum report_kind kind, enum format format, struct strbuf *out)
{
    struct report_incident others[] = { incident_of(source, 1), incident_of(source, 2) };
    struct report_cycle cycles[] = { { BEGIN_MS, BEGIN_MS + MINUTE_MS, MINUTE_MS, 10, CYCLE_BAD },
                                     { BEGIN_MS + 15 * MINUTE_MS, BEGIN_MS + 16 * MINUTE_MS, MINUTE_MS, 10,
                                       CYCLE_GOOD } };
    struct report_table tables[] = {
        { .name = word(source), .runs = 2, .ok = 1, .failed = 1, .gap_from_ms = BEGIN_MS, .gap_slots = 2 }
    };
    struct report_delivery deliveries[] = { { 1, word(source), (char *)"refused", word(source), 2, BEGIN_MS, 0 } };
    struct report_event events[] = {
        { BEGIN_MS, 0, 100, MARK_EVIDENCE, (char *)"evidence", word(source), 0, 0 },
        { BEGIN_MS + MINUTE_MS, 0, -1, MARK_NOTIFIED, word(source), word(source), 0, 1 },
    };
    struct report_silence silences[] = { { BEGIN_MS + 3 * MINUTE_MS, BEGIN_MS + 9 * MINUTE_MS, word(source) } };
    struct report report = {
        .kind = kind,
        .host = word(source),
        .escalated_to = word(source),
        .made_ms = BEGIN_MS + 60 * MINUTE_MS,
        .as_of_ms = BEGIN_MS + 60 * MINUTE_MS,
        .since_ms = BEGIN_MS,
        .until_ms = BEGIN_MS + 60 * MINUTE_MS,
        .begin_ms = BEGIN_MS,
        .end_ms = BEGIN_MS + 40 * MINUTE_MS,
        .interval_ms = 15 * MINUTE_MS,
        .slow_ms = 5 * MINUTE_MS,
        .too_slow_ms = 10 * MINUTE_MS,
        .incident = incident_of(source, 3),
        .related = { .at = others + 1, .count = 1 },
        .earlier = { .at = others, .count = 1 },
        .incidents = { .at = others, .count = 2 },
        .earlier_in_day = 1,
        .cycles = cycles,
        .cycle_count = 2,
        .tables = tables,
        .table_count = 1,
        .events = events,
        .event_count = 2,
        .deliveries = deliveries,
        .delivery_count = 1,
        .silences = silences,
        .silence_count = 1,
    };
    const struct terminal terminal = { .width = 80, .utf8 = true };

    switch (format) {
    case FORMAT_TEXT: report_text(&report, &terminal, out); break;
    case FORMAT_MARKDOWN: report_markdown(&report, out); break;
    case FORMAT_HTML: report_html(&report, out); break;
    case FORMAT_JSON: report_json(&report, out); break;
    case FORMATS: break;
    }
}

/* --- structure ----------------------------------------------------------------------------------------------- */

static void mix(uint64_t *sum, char byte)
{
    *sum = (*sum ^ (unsigned char)byte) * UINT64_C(0x100000001b3);
}

static void sum_tags(struct slice text, uint64_t *sum)
{
    bool in_tag = false;
    for (size_t i = 0; i < text.len; i++) {
        in_tag = in_tag || text.at[i] == '<';
        if (in_tag)
            mix(sum, text.at[i]);
        in_tag = in_tag && text.at[i] != '>';
    }
}

/* Whether a line is more than the next one of a paragraph. */
static bool begins_block(struct slice line)
{
    if (line.len == 0 || line.at[0] == '\0')
        return false;
    size_t marks = 1;
    while (marks < line.len && line.at[marks] == line.at[0])
        marks++;
    bool alone = marks == line.len || line.at[marks] == ' ';
    return strchr("#|`>", line.at[0]) || (strchr("-+=*", line.at[0]) && alone);
}

/* Each line's first byte where it means something, and the cells of a table's row. */
static void sum_lines(struct slice text, uint64_t *sum)
{
    while (text.len > 0) {
        struct slice line = cut_off(&text, "\n");
        bool means = begins_block(line);
        mix(sum, means ? line.at[0] : 't');
        for (size_t i = 0; means && line.at[0] == '|' && i < line.len; i++)
            if (line.at[i] == '\\')
                i++;
            else if (line.at[i] == '|')
                mix(sum, '|');
    }
}

/* What stands outside of strings. */
static void sum_json(struct slice text, uint64_t *sum)
{
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++)
        if (in_string && text.at[i] == '\\')
            i++;
        else if (text.at[i] == '"')
            in_string = !in_string;
        else if (!in_string)
            mix(sum, text.at[i]);
    must(!in_string);
}

static uint64_t structure_of(struct slice text, enum format format)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    switch (format) {
    case FORMAT_HTML: sum_tags(text, &sum); break;
    case FORMAT_MARKDOWN: sum_lines(text, &sum); break;
    case FORMAT_JSON: sum_json(text, &sum); break;
    case FORMAT_TEXT: /* its lines are wrapped */
    case FORMATS: break;
    }
    return sum;
}

static void check_inert(struct slice text)
{
    while (text.len > 0) {
        uint32_t point = 0;
        size_t used = utf8_decode(text, &point);
        must(used > 0 && (point == '\n' || !utf8_needs_escape(point)));
        text = (struct slice){ text.at + used, text.len - used };
    }
}

static uint64_t harmless_structure(enum report_kind kind, enum format format)
{
    static uint64_t known[KINDS][FORMATS];
    static char harmless[] = "harmless";
    if (known[kind][format] == 0) {
        struct source source = { .words = { harmless }, .count = 1 };
        struct strbuf out = { 0 };
        render(&source, kind, format, &out);
        known[kind][format] = structure_of(strbuf_slice(&out), format);
        strbuf_free(&out);
    }
    return known[kind][format];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct strbuf out;
    struct source source = { 0 };
    if (size < 2)
        return 0;
    enum report_kind kind = data[0] / FORMATS % KINDS ? REPORT_PERIOD : REPORT_INCIDENT;
    enum format format = (enum format)(data[0] % FORMATS);
    struct slice text = { (const char *)data + 1, size - 1 };
    while (text.len > 0 && source.count < WORDS_MOST) {
        struct slice line = cut_off(&text, "\n");
        source.words[source.count++] = line.len > 0 && line.at[0] ? must_copy(line.at, line.len) : must_copy("x", 1);
    }
    strbuf_clear(&out);
    render(&source, kind, format, &out);
    check_inert(strbuf_slice(&out));
    must(structure_of(strbuf_slice(&out), format) == harmless_structure(kind, format));
    for (size_t i = 0; i < source.count; i++)
        free(source.words[i]);
    return 0;
}
