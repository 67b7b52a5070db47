/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budgets.h"
#include "stamps.h"

static void state_put(struct history *history, const char *key, struct strbuf *text)
{
    history_put_state(history, key, strbuf_slice(text));
    strbuf_free(text);
}

/* The error was found for one zone. After the configuration was put right, the same times may be right, so the zone is saved as well. */
static void archive_zone_error(struct ingest *ingest, struct archive *archive)
{
    const char *tz = getenv("TZ");
    struct strbuf zone = { 0 };
    strbuf_printf(&zone, "TZ=%s", tz ? tz : "");
    char *known = must_copy(strbuf_text(&zone), zone.len);
    int64_t error_ms = archive_loading(archive) ? 0 : ingest->zone_error_ms;
    archive_text(archive, "zone", &known);
    archive_i64(archive, "zone_error_ms", &error_ms);
    ingest->zone_error_ms = known && strcmp(known, strbuf_text(&zone)) == 0 ? error_ms : 0;
    free(known);
    strbuf_free(&zone);
}

void state_save_parser(struct history *history, struct ingest *ingest)
{
    struct archive archive;
    struct strbuf text = { 0 };
    archive_save_brief(&archive, &text);
    parser_archive(ingest->parser, &archive);
    archive_zone_error(ingest, &archive);
    scrub_archive(ingest->scrub, &archive);
    stamps_archive(ingest->stamps, &archive);
    if (ingest->frames)
        frames_archive(ingest->frames, &archive);
    state_put(history, STATE_PARSER, &text);
}

static const char *const text_keys[ENGINE_TEXTS] = {
    [ENGINE_NOW] = STATE_ENGINE,
    [ENGINE_LIFE] = STATE_LIFE,
    [ENGINE_RECURRENCES] = STATE_RECURRENCES,
    [ENGINE_CYCLES] = STATE_CYCLES,
};

void state_save_engine(struct history *history, struct engine *engine)
{
    struct archive archive;
    for (int i = 0; i < ENGINE_TEXTS; i++) {
        struct strbuf text = { 0 };
        if (!engine_text_changed(engine, (enum engine_text)i))
            continue;
        archive_save_brief(&archive, &text);
        engine_save_text(engine, (enum engine_text)i, &archive);
        state_put(history, text_keys[i], &text);
    }
    history_drop_state(history, STATE_OLD_ENGINE);
    history_drop_state(history, STATE_OLD_WINDOWS);
    history_put_parts(history, engine);
}

static bool state_load_key(struct history *history, const char *key, struct strbuf *text, struct archive *archive)
{
    strbuf_clear(text);
    if (!history_get_state(history, key, text))
        return false;
    archive_load_from(archive, strbuf_slice(text));
    return true;
}

static bool load_text(void *ctx, enum engine_text text, struct strbuf *value)
{
    return history_get_state(ctx, text_keys[text], value);
}

static void load_parts(void *ctx, enum engine_part part,
                       void (*take)(void *take_ctx, enum engine_part part, int64_t number, struct slice text),
                       void *take_ctx)
{
    history_get_parts(ctx, part, take, take_ctx);
}

/* What an older agent saved. */
static void load_old_engine(struct history *history, struct engine *engine)
{
    struct archive archive;
    struct strbuf text = { 0 };
    if (state_load_key(history, STATE_OLD_ENGINE, &text, &archive))
        engine_archive_live(engine, &archive);
    if (state_load_key(history, STATE_OLD_WINDOWS, &text, &archive))
        engine_archive_windows(engine, &archive);
    strbuf_free(&text);
}

static void rename_state(struct history *history, const char *from, const char *to)
{
    struct strbuf text = { 0 };
    if (history_get_state(history, from, &text)) {
        history_put_state(history, to, strbuf_slice(&text));
        history_drop_state(history, from);
    }
    strbuf_free(&text);
}

void state_load(struct history *history, struct ingest *ingest)
{
    const struct engine_source source = { history, load_text, load_parts };
    struct archive archive;
    struct strbuf text = { 0 };
    rename_state(history, STATE_EARLIER_PARSER, STATE_PARSER);
    rename_state(history, STATE_EARLIER_ENGINE, STATE_ENGINE);
    if (state_load_key(history, STATE_PARSER, &text, &archive)) {
        parser_archive(ingest->parser, &archive);
        archive_zone_error(ingest, &archive);
        scrub_archive(ingest->scrub, &archive);
        stamps_archive(ingest->stamps, &archive);
        if (ingest->frames)
            frames_archive(ingest->frames, &archive);
    }
    if (!engine_load(ingest->engine, &source)) {
        load_old_engine(history, ingest->engine);
        history_renew_parts(history);
    }
    strbuf_free(&text);
}

char *state_load_log_path(struct history *history)
{
    struct archive archive;
    struct strbuf text = { 0 };
    char *path = NULL;
    if (state_load_key(history, STATE_AGENT, &text, &archive))
        archive_text(&archive, "log_path", &path);
    strbuf_free(&text);
    return path;
}

static void archive_number(struct archive *archive, const char *name, int64_t value)
{
    archive_i64(archive, name, &value);
}

static void archive_blindness(struct archive *archive, enum blind_reason reason, const char *why)
{
    char *words = why ? must_copy(why, strlen(why)) : NULL;
    char name[32];
    snprintf(name, sizeof name, STATE_BLIND "%s", blind_reason_name(reason));
    archive_text(archive, name, &words);
    free(words);
}

void state_save_agent(struct history *history, const struct ingest *ingest, const struct agent_facts *facts)
{
    const struct parser_counts *counts = parser_counts(ingest->parser);
    char *log_path = must_copy(facts->log_path, strlen(facts->log_path));
    char *log_trouble = facts->log_trouble ? must_copy(facts->log_trouble, strlen(facts->log_trouble)) : NULL;
    struct archive archive;
    struct strbuf text = { 0 };

    archive_save_to(&archive, &text);
    archive_number(&archive, "pid", getpid());
    archive_number(&archive, "started_ms", facts->started_ms);
    archive_number(&archive, "alive_ms", facts->alive_ms);
    archive_number(&archive, "writer", facts->writer);
    archive_number(&archive, "last_line_ms", ingest_clock(ingest));
    archive_number(&archive, "behind_bytes", facts->behind_bytes);
    archive_number(&archive, "lines", counts->lines);
    archive_number(&archive, "records", counts->records);
    archive_number(&archive, "events", counts->events);
    archive_number(&archive, "misses", counts->misses);
    archive_number(&archive, "limit_hits", counts->limit_hits);
    archive_number(&archive, "stray_lines", ingest_strays(ingest, NULL));
    archive_number(&archive, "commit_failures", facts->commit_failures);
    archive_text(&archive, "log_path", &log_path);
    archive_text(&archive, "log_trouble", &log_trouble);
    archive_number(&archive, "understood", engine_has_heard(ingest->engine));
    for (int i = 0; i < BLIND_REASONS; i++)
        archive_blindness(&archive, (enum blind_reason)i, facts->blind[i]);
    engine_report(ingest->engine, &archive);
    state_put(history, STATE_AGENT, &text);
    free(log_path);
    free(log_trouble);
}
