/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sqlite3.h>
#include <stdlib.h>

#include "base/json.h"
#include "container.h"
#include "probe_private.h"

static const char sql_facts[] =
    "WITH given(json) AS (SELECT ?1)"
    " SELECT json_extract(json, '$.Id'), coalesce(json_extract(json, '$.LogPath'), ''), json_extract(json, "
    "'$.Config.Tty'),"
    " json_extract(json, '$.State.Running') AND NOT coalesce(json_extract(json, '$.State.Restarting'), 0),"
    " coalesce(json_extract(json, '$.State.Status'), '') <> 'created'"
    " FROM given WHERE json_type(json, '$.Id') = 'text' AND json_type(json, '$.State.Running') IN ('true', 'false')"
    " AND coalesce(json_type(json, '$.LogPath'), 'text') = 'text'";

static char *facts_text(sqlite3_stmt *row, int column)
{
    return must_copy((const char *)sqlite3_column_text(row, column), (size_t)sqlite3_column_bytes(row, column));
}

/* The words are those of a probe that asks about the container. */
static void facts_describe(struct slice json, int64_t now_ms, struct strbuf *words)
{
    struct probe_answer answer = { 0 };
    docker_judge(&answer, json, now_ms);
    strbuf_puts(words, strbuf_text(&answer.words));
    strbuf_free(&answer.words);
}

bool container_facts_read(struct slice json, int64_t now_ms, struct container_facts *facts)
{
    sqlite3 *reader = json_reader_open();
    sqlite3_stmt *row = NULL;
    *facts = (struct container_facts){ 0 };
    bool good = reader && json.len > 0 && sqlite3_prepare_v2(reader, sql_facts, -1, &row, NULL) == SQLITE_OK &&
                sqlite3_bind_text(row, 1, json.at, (int)json.len, SQLITE_STATIC) == SQLITE_OK &&
                sqlite3_step(row) == SQLITE_ROW;
    if (good) {
        facts->id = facts_text(row, 0);
        facts->log_path = facts_text(row, 1);
        facts->has_terminal = sqlite3_column_int(row, 2) != 0;
        facts->state = sqlite3_column_int(row, 3) ? CONTAINER_RUNS : CONTAINER_STOPPED;
        facts->was_started = sqlite3_column_int(row, 4) != 0;
        facts_describe(json, now_ms, &facts->words);
    }
    sqlite3_finalize(row);
    sqlite3_close(reader);
    return good;
}

void container_facts_free(struct container_facts *facts)
{
    free(facts->id);
    free(facts->log_path);
    strbuf_free(&facts->words);
    *facts = (struct container_facts){ 0 };
}
