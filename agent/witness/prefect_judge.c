/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prefect.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>

#include "base/cut.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/text.h"

enum { NAME_MOST_CHARS = 60, WHY_MOST_CHARS = 120, DUE_MOST_MINUTES = 1000000 };

/* An answer is a list; a field of another type counts as not there. */
#define LIST "json_each(CASE WHEN json_valid(?1) AND json_type(?1) = 'array' THEN ?1 ELSE '[]' END)"
#define FIELD(name) "json_extract(value, '$." name "')"
#define IS_LIST "json_valid(?1) AND json_type(?1) = 'array'"

/* Whether it is a list, how many entries, how many of them are paused (or have no schedule that is active), and the name of the first. */
static const char sql_deployments[] =
    "SELECT " IS_LIST ", (SELECT count(*) FROM " LIST " WHERE type = 'object'),"
    " (SELECT count(*) FROM " LIST " AS d WHERE d.type = 'object' AND (json_type(d.value, '$.paused') = 'true'"
    "  OR (json_type(d.value, '$.schedules') = 'array' AND json_array_length(d.value, '$.schedules') > 0 AND NOT EXISTS"
    "   (SELECT 1 FROM json_each(d.value, '$.schedules') AS s"
    "    WHERE s.type != 'object' OR json_type(s.value, '$.active') IS NOT 'false')))),"
    " (SELECT " FIELD("name") " FROM " LIST " WHERE type = 'object' AND json_type(value, '$.name') = 'text' LIMIT 1)";

static const char sql_workers[] = "SELECT " IS_LIST ", (SELECT count(*) FROM " LIST " WHERE type = 'object' AND " FIELD(
    "status") " = 'ONLINE'), 0,"
              " (SELECT " FIELD("name") " FROM " LIST " WHERE type = 'object' AND " FIELD(
                  "status") " = 'ONLINE'"
                            "  AND json_type(value, '$.name') = 'text' LIMIT 1)";

/* How many are late, and since how many minutes the oldest of them is due. */
static const char sql_runs[] =
    "SELECT " IS_LIST ", (SELECT count(*) FROM " LIST " WHERE type = 'object'),"
    " (SELECT (?2 / 1000 - min(CAST(strftime('%s', json_extract(value, '$.expected_start_time')) AS INTEGER))) / 60"
    "  FROM " LIST " WHERE type = 'object' AND json_type(value, '$.expected_start_time') = 'text'), NULL";

static const char *const sql_of[PREFECT_QUESTIONS] = {
    [PREFECT_DEPLOYMENTS] = sql_deployments, [PREFECT_WORKERS] = sql_workers, [PREFECT_RUNS] = sql_runs
};

struct prefect_row {
    bool is_list;
    int64_t count, second;
    struct strbuf name;
};

/* Text that anybody may have written becomes part of one line. */
static void put_foreign(const char *text, size_t max_chars, struct strbuf *out)
{
    struct strbuf plain = { 0 };
    text_add_visible(&plain, text, strlen(text));
    cut_chars(strbuf_text(&plain), max_chars, out);
    strbuf_free(&plain);
}

static void prefect_read_row(enum prefect_question question, const struct strbuf *body, int64_t now_ms,
                             struct prefect_row *row)
{
    sqlite3 *reader = json_reader_open();
    sqlite3_stmt *answer = NULL;
    if (reader && sqlite3_prepare_v2(reader, sql_of[question], -1, &answer, NULL) == SQLITE_OK &&
        sqlite3_bind_text(answer, 1, strbuf_text(body), (int)body->len, SQLITE_STATIC) == SQLITE_OK &&
        (sqlite3_bind_parameter_count(answer) < 2 || sqlite3_bind_int64(answer, 2, now_ms) == SQLITE_OK) &&
        sqlite3_step(answer) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(answer, 3);
        row->is_list = sqlite3_column_int(answer, 0) != 0;
        row->count = sqlite3_column_int64(answer, 1);
        row->second = sqlite3_column_int64(answer, 2);
        put_foreign(name ? name : "", NAME_MOST_CHARS, &row->name);
    }
    sqlite3_finalize(answer);
    sqlite3_close(reader);
}

static struct strbuf *prefect_find(struct prefect_findings *findings, const char *kind)
{
    findings->at[findings->count].kind = kind;
    return &findings->at[findings->count++].words;
}

static void judge_deployments(const struct prefect_settings *settings, const struct prefect_row *row,
                              struct prefect_findings *findings, struct strbuf *well)
{
    if (row->count > 0 && row->second == row->count) {
        struct strbuf *words = prefect_find(findings, "deployment-paused");
        strbuf_puts(words, "the deployment is paused: ");
        put_foreign(settings->flow, NAME_MOST_CHARS, words);
        strbuf_printf(words, "/%s", strbuf_text(&row->name));
    } else if (row->count > 0) {
        strbuf_puts(well, "the deployment is not paused");
    } else {
        strbuf_puts(well, "no deployment of ");
        put_foreign(settings->flow, NAME_MOST_CHARS, well);
        strbuf_puts(well, " is known");
    }
}

static void judge_workers(const struct prefect_settings *settings, const struct prefect_row *row,
                          struct prefect_findings *findings, struct strbuf *well)
{
    struct strbuf *words = row->count == 0 ? prefect_find(findings, "prefect-worker-offline") : well;
    strbuf_puts(words, row->count == 0 ? "no worker of the pool " : "a worker is online in the pool ");
    put_foreign(settings->pool, NAME_MOST_CHARS, words);
    strbuf_puts(words, row->count == 0 ? " is online" : "");
}

static void judge_runs(const struct prefect_row *row, struct prefect_findings *findings, struct strbuf *well)
{
    if (row->count == 0) {
        strbuf_puts(well, "no flow run is late");
        return;
    }
    struct strbuf *words = prefect_find(findings, "prefect-runs-late");
    strbuf_printf(words, "%" PRId64 " flow run%s late", row->count, row->count == 1 ? " is" : "s are");
    if (row->second > 0 && row->second < DUE_MOST_MINUTES)
        strbuf_printf(words, ", the oldest was due %" PRId64 " min ago", row->second);
}

static const char *const names_of[PREFECT_QUESTIONS] = {
    [PREFECT_DEPLOYMENTS] = "deployments", [PREFECT_WORKERS] = "workers", [PREFECT_RUNS] = "flow runs"
};

/* What is neither wrong nor unknown goes to *well. */
static void judge_one(const struct prefect_settings *settings, enum prefect_question question,
                      const struct prefect_answer *answer, int64_t now_ms, struct prefect_findings *findings,
                      struct strbuf *well)
{
    struct prefect_row row = { 0 };
    if (answer->is_good)
        prefect_read_row(question, &answer->body, now_ms, &row);
    if (!row.is_list) {
        findings->is_silent = true;
        strbuf_printf(well, "Prefect's API says nothing about %s: ", names_of[question]);
        put_foreign(answer->is_good ? "its answer is no list" : strbuf_text(&answer->why), WHY_MOST_CHARS, well);
    } else if (question == PREFECT_DEPLOYMENTS) {
        judge_deployments(settings, &row, findings, well);
    } else if (question == PREFECT_WORKERS) {
        judge_workers(settings, &row, findings, well);
    } else {
        judge_runs(&row, findings, well);
    }
    strbuf_free(&row.name);
}

void prefect_judge(const struct prefect_settings *settings, const struct prefect_answer answers[PREFECT_QUESTIONS],
                   int64_t now_ms, struct prefect_findings *findings)
{
    for (int question = 0; question < PREFECT_QUESTIONS; question++) {
        if (answers[question].is_down) {
            struct strbuf *words = prefect_find(findings, "prefect-server-down");
            strbuf_puts(words, "the Prefect server is down (");
            mask_url(settings->url, words);
            strbuf_printf(words, "): %s", strbuf_text(&answers[question].why));
            return;
        }
        struct strbuf well = { 0 };
        judge_one(settings, (enum prefect_question)question, &answers[question], now_ms, findings, &well);
        if (well.len)
            strbuf_printf(&findings->well, "%s%s", findings->well.len ? "; " : "", strbuf_text(&well));
        strbuf_free(&well);
    }
}

void prefect_forget(struct prefect_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        strbuf_free(&findings->at[i].words);
    strbuf_free(&findings->well);
    *findings = (struct prefect_findings){ .count = 0 };
}
