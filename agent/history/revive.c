/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "history_private.h"

/*
 * The WAL goes first and the database last. In any other order:
 *   1. the database is renamed, and the agent is killed;
 *   2. the next start makes a new database under the old name, or somebody puts a backup there;
 *   3. SQLite finds the old WAL beside it. It deletes the WAL if the database is empty, and with it what happened last; else it
 *      replays the corrupt pages into the database.
 */
const char *const history_suffixes[HISTORY_FILES] = { "-wal", "-shm", "-journal", "" };

static int rename_suffixed(const char *path, const char *target, const char *suffix, struct strbuf *error)
{
    struct strbuf from = { 0 }, to = { 0 };
    strbuf_printf(&from, "%s%s", path, suffix);
    strbuf_printf(&to, "%s%s", target, suffix);
    int code = SQLITE_OK;
    if (rename(from.at, to.at) != 0 && errno != ENOENT) {
        strbuf_printf(error, "%s: corrupt, and cannot be moved aside: %s", from.at, strerror(errno));
        code = SQLITE_CANTOPEN;
    }
    strbuf_free(&from);
    strbuf_free(&to);
    return code;
}

/* "history.db.corrupt-20260303T101502Z", with a number after it if that name is taken. */
static void aside_name(const char *path, struct strbuf *name)
{
    char stamp[32];
    time_t now = clock_now_ms() / 1000;
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    strbuf_printf(name, "%s.corrupt-%s", path, stamp);
    size_t len = name->len;
    for (int i = 2; access(name->at, F_OK) == 0; i++) {
        name->len = len;
        strbuf_printf(name, ".%d", i);
    }
}

int history_move_aside(struct history *history, const char *why, struct strbuf *notice, struct strbuf *error)
{
    struct strbuf target = { 0 };
    aside_name(history->path, &target);
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < HISTORY_FILES; i++)
        code = rename_suffixed(history->path, target.at, history_suffixes[i], error);
    if (code == SQLITE_OK)
        strbuf_printf(notice, "%s%s: the history is corrupt (%s): kept as %s, a new one is begun",
                      notice->len > 0 ? "; " : "", history->path, why, target.at);
    strbuf_free(&target);
    return code;
}

static bool was_taken_away(sqlite3 *db)
{
    int moved = 0;
    return sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

/*
 * A run that began without the file gathers in memory what belongs into it. When the file can be written at last, it may hold what
 * another run stored, and the two cannot be merged: their ids and positions contradict each other. An empty file takes all.
 */
static int take_over(struct history *history, struct strbuf *error)
{
    struct strbuf past = { 0 };
    history_read_past(history, &past);
    history->owned = past.len == 0 || slice_equals(strbuf_slice(&past), strbuf_text(&history->past));
    strbuf_free(&past);
    if (history->owned)
        return SQLITE_OK;
    history_disconnect(history);
    strbuf_printf(error, "%s: an earlier history can be used again, which knows other things than this run",
                  history->path);
    return HAS_ANOTHER_PAST;
}

int history_revive(struct history *history, struct strbuf *notice, struct strbuf *error)
{
    if (history->corrupt) {
        /* The WAL is evidence of what happened, so closing must not move it into the database. */
        if (history->db)
            sqlite3_db_config(history->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        history_disconnect(history);
        int code = history_move_aside(history, history->corrupt, notice, error);
        if (code != SQLITE_OK)
            return code;
        history->corrupt = NULL;
    } else if (history->place == HISTORY_ON_DISK && was_taken_away(history->db)) {
        history_disconnect(history);
        history->corrupt = NULL; /* a checkpoint may have read the file that is there now, and found it strange */
        strbuf_printf(notice, "%s: somebody removed or replaced the history: going on in a new one", history->path);
    }
    if (history->place == HISTORY_ON_DISK && !history->refused)
        return SQLITE_OK;
    history_disconnect(history);
    for (size_t i = 0; i < history->state_count; i++)
        history->states[i].dirty = true;
    history->sources_dirty = history->parts_anew = true;
    history_witnesses_anew(history);
    int code = history_connect(history, notice, error);
    if (code == SQLITE_OK && !history->owned)
        code = take_over(history, error);
    else if (code != SQLITE_OK)
        history_connect_read_only(history);
    return code;
}
