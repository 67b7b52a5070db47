/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "../builtin_causes.h"
#include "../read_file.h"
#include "agent/daemon/stamps.h"
#include "base/zone.h"
#include "ingest.h"

/*
 * A restart at any line gives the same future. Logs with lines of another time, exceptions, foreign text and clocks that were set back are
 * read twice: once by one life, once by many lives, each of which knows only what the one before it saved.
 */

enum { LOGS = 50, RESTART_ONE_IN = 12, STRAY_ONE_IN = 40, FIXTURES = 7 };
static const int64_t HOUR_MS = INT64_C(3600) * 1000, DAY_MS = 24 * INT64_C(3600) * 1000;

static const char *const fixtures[FIXTURES] = {
    "cycle-exception-burst",
    "clickhouse-refused-nested-stderr",
    "graceful-stop-and-restart",
    "one-table-timeout",
    "killed-in-cycle",
    "silent-zero-rows",
    "healthy-half-day-metrics-module",
};

/* The same numbers on every machine. */
static uint32_t dice(uint32_t *seed, uint32_t sides)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % sides;
}

/* --- the logs ---------------------------------------------------------------------------------------------- */

struct line {
    char *text;
    int64_t set_back_ms; /* before this line the clock was set back by so much */
    bool stray;
};

struct text {
    struct line *lines;
    size_t count;
};

static void text_add(struct text *text, struct line line)
{
    text->lines = list_room(text->lines, text->count, sizeof *text->lines);
    text->lines[text->count++] = line;
}

static void text_free(struct text *text)
{
    for (size_t i = 0; i < text->count; i++)
        free(text->lines[i].text);
    free(text->lines);
}

/* Moves the time "YYYY-MM-DD HH:MM:SS" that stands there, if one does. */
static void shift_time(char *at, int64_t by_ms)
{
    struct tm tm = { 0 };
    char buf[20];
    if (strlen(at) < 19 || !strptime(at, "%Y-%m-%d %H:%M:%S", &tm))
        return;
    time_t moved = timegm(&tm) + by_ms / 1000;
    strftime(buf, sizeof buf, "%Y-%m-%d %H:%M:%S", gmtime_r(&moved, &tm));
    memcpy(at, buf, 19);
}

static char *shifted(const char *text, int64_t by_ms)
{
    char *copy = must_copy(text, strlen(text));
    char *promise = strstr(copy, "scheduled at: ");
    shift_time(copy, by_ms);
    if (promise)
        shift_time(promise + strlen("scheduled at: "), by_ms);
    return copy;
}

static void text_read(struct text *text, const char *fixture)
{
    char path[128];
    struct strbuf file = { 0 };
    snprintf(path, sizeof path, "fixtures/logs/%s.log", fixture);
    read_file(&file, path);
    for (char *at = file.at, *end; (end = strchr(at, '\n')) != NULL; at = end + 1)
        text_add(text, (struct line){ .text = must_copy(at, (size_t)(end - at)) });
    strbuf_free(&file);
}

static struct text make_log(uint32_t *seed)
{
    struct text plain = { 0 }, other = { 0 }, log = { 0 };
    text_read(&plain, fixtures[dice(seed, FIXTURES)]);
    text_read(&other, fixtures[dice(seed, FIXTURES)]);
    size_t block_at = dice(seed, (uint32_t)plain.count), set_back_at = dice(seed, (uint32_t)plain.count);
    int64_t set_back_ms = dice(seed, 2) ? HOUR_MS * (1 + dice(seed, 3)) : 0;
    for (size_t i = 0; i < plain.count; i++) {
        int64_t moved_ms = i >= set_back_at ? -set_back_ms : 0;
        int64_t away_ms = DAY_MS * (1 + (int64_t)dice(seed, 400)) * (dice(seed, 2) ? 1 : -1);
        for (size_t j = 0; i == block_at && j < other.count / 4; j++)
            text_add(&log, (struct line){ .text = shifted(other.lines[j].text, -70 * DAY_MS), .stray = true });
        if (dice(seed, STRAY_ONE_IN) == 0)
            text_add(&log, (struct line){ .text = shifted(plain.lines[i].text, away_ms), .stray = true });
        text_add(&log, (struct line){ .text = shifted(plain.lines[i].text, moved_ms),
                                      .set_back_ms = i == set_back_at ? set_back_ms : 0 });
    }
    text_free(&plain);
    text_free(&other);
    return log;
}

/* --- lives ------------------------------------------------------------------------------------------------- */

struct life {
    struct ingest ingest;
    struct strbuf told;
};

static void on_notify(void *ctx, const struct notification *notification)
{
    struct life *life = ctx;
    strbuf_printf(&life->told, "%lld %d %lld %s\n", (long long)notification->time_ms, (int)notification->status,
                  (long long)notification->incident->id, notification->summary);
}

static void life_begin(struct life *life)
{
    struct settings settings;
    struct engine_sink sink = { .notify_ctx = life, .notify = on_notify };
    struct strbuf error = { 0 };
    settings_default(&settings);
    life->ingest = (struct ingest){
        .parser = parser_open(NULL, &error),
        .scrub = scrub_open(),
        .engine = engine_new(&settings, &sink),
        .live_from_ms = INT64_MIN,
    };
    assert_non_null(life->ingest.parser);
    engine_set_causes(life->ingest.engine, builtin_causes());
    ingest_begin(&life->ingest);
}

static void life_archive(struct life *life, struct archive *archive)
{
    struct ingest *ingest = &life->ingest;
    parser_archive(ingest->parser, archive);
    archive_i64(archive, "zone_error_ms", &ingest->zone_error_ms);
    scrub_archive(ingest->scrub, archive);
    stamps_archive(ingest->stamps, archive);
}

/* As the daemon saves it: three texts. */
static void life_save(struct life *life, struct strbuf texts[3])
{
    struct archive archive;
    for (int i = 0; i < 3; i++)
        strbuf_clear(&texts[i]);
    archive_save_to(&archive, &texts[0]);
    life_archive(life, &archive);
    archive_save_to(&archive, &texts[1]);
    engine_archive_live(life->ingest.engine, &archive);
    archive_save_to(&archive, &texts[2]);
    engine_archive_windows(life->ingest.engine, &archive);
}

static void life_restart(struct life *life, struct strbuf texts[3])
{
    struct archive archive;
    struct ingest before = life->ingest;
    life_save(life, texts);
    ingest_end(&life->ingest);
    life_begin(life);
    archive_load_from(&archive, strbuf_slice(&texts[0]));
    life_archive(life, &archive);
    archive_load_from(&archive, strbuf_slice(&texts[1]));
    engine_archive_live(life->ingest.engine, &archive);
    archive_load_from(&archive, strbuf_slice(&texts[2]));
    engine_archive_windows(life->ingest.engine, &archive);
    life->ingest.now_ms = before.now_ms;
    life->ingest.since_ms = before.since_ms;
    life->ingest.running_ms = before.running_ms;
}

static int64_t time_of(const char *text)
{
    struct tm tm = { 0 };
    return strptime(text, "%Y-%m-%d %H:%M:%S", &tm) ? (int64_t)timegm(&tm) * 1000 : 0;
}

/* The host's clock goes with the true lines, each of which is read when it is written. */
static void live_step(struct ingest *ingest, const struct line *line)
{
    int64_t now_ms = line->stray ? 0 : time_of(line->text);
    if (line->set_back_ms) {
        ingest->now_ms -= line->set_back_ms;
        ingest_notice_jump(ingest, -line->set_back_ms);
        engine_feed(ingest->engine, &(struct event){ .kind = EVENT_HOST_RESUMED,
                                                     .time_ms = ingest->now_ms,
                                                     .offset = -1,
                                                     .duration_ms = -line->set_back_ms });
        ingest->jump_ms = 0;
    }
    if (now_ms) {
        ingest->since_ms = ingest->now_ms ? ingest->now_ms : now_ms;
        ingest->running_ms += now_ms > ingest->now_ms ? now_ms - ingest->now_ms : 0;
        ingest->now_ms = now_ms;
    }
}

/* restarts: of how many lines one is followed by a restart; 0: none is. Returns how many there were. */
static int live_through(const struct text *log, bool live, uint32_t restarts, struct strbuf *told,
                        struct strbuf texts[3])
{
    struct life life = { 0 };
    uint32_t seed = 7;
    int lives = 0;
    life_begin(&life);
    for (size_t i = 0; i < log->count; i++) {
        if (live)
            live_step(&life.ingest, &log->lines[i]);
        else
            life.ingest.now_ms = INT64_C(1800000000000);
        ingest_line(&life.ingest, log->lines[i].text, strlen(log->lines[i].text), (int64_t)i);
        if (live)
            engine_tick(life.ingest.engine, life.ingest.now_ms);
        if (restarts && dice(&seed, restarts) == 0 && !ingest_is_undecided(&life.ingest)) {
            life_restart(&life, texts);
            lives++;
        }
    }
    ingest_settle(&life.ingest, 0);
    life_save(&life, texts);
    *told = life.told;
    ingest_end(&life.ingest);
    return lives;
}

static void a_restart_at_any_line_gives_the_same_future(void **unused)
{
    (void)unused;
    uint32_t seed = 20261130;
    int lives = 0;
    int64_t notifications = 0;
    for (int i = 0; i < LOGS; i++) {
        struct text log = make_log(&seed);
        struct strbuf told[2] = { 0 }, texts[2][3] = { 0 };
        live_through(&log, i % 2, 0, &told[0], texts[0]);
        lives += live_through(&log, i % 2, RESTART_ONE_IN, &told[1], texts[1]);
        assert_string_equal(strbuf_text(&told[0]), strbuf_text(&told[1]));
        for (int j = 0; j < 3; j++) {
            assert_string_equal(strbuf_text(&texts[0][j]), strbuf_text(&texts[1][j]));
            strbuf_free(&texts[0][j]);
            strbuf_free(&texts[1][j]);
        }
        for (const char *at = strbuf_text(&told[0]); *at; at++)
            notifications += *at == '\n' ? 1 : 0;
        strbuf_free(&told[0]);
        strbuf_free(&told[1]);
        text_free(&log);
    }
    assert_true(notifications > LOGS);
    printf("# held: %d logs with lines of another time, %lld notifications, the same after %d restarts\n", LOGS,
           (long long)notifications, lives);
}

static int set_zone(void **unused)
{
    (void)unused;
    return zone_set("UTC") ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_restart_at_any_line_gives_the_same_future) };
    return cmocka_run_group_tests(tests, set_zone, NULL);
}
