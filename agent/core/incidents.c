/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <stdlib.h>

/* The incidents: opened, joined, worsened, resolved, verified. One cause, one incident. */

enum { EVIDENCE_MOST = 20 };

static enum alert alert_of(enum family family, enum severity severity)
{
    switch (family) {
    case FAMILY_FAILURES: return ALERT_CONSECUTIVE_FAILURES;
    case FAMILY_LAG: return severity == SEVERITY_CRITICAL ? ALERT_LAG_CRITICAL : ALERT_LAG_ELEVATED;
    case FAMILY_SLOW: return severity == SEVERITY_CRITICAL ? ALERT_CYCLE_TOO_SLOW : ALERT_CYCLE_SLOW;
    case FAMILY_STALE: return ALERT_WATERMARK_STALE;
    case FAMILY_SUCCESS_RATE: return ALERT_SUCCESS_RATE_LOW;
    case FAMILY_THROUGHPUT: return ALERT_THROUGHPUT_LOW;
    case FAMILY_LOG: return ALERT_LOG_UNREADABLE;
    case FAMILY_DELIVERY: return ALERT_NOTIFICATIONS_STUCK;
    case FAMILY_DOWN:
    case FAMILY_CRASH_LOOP:
    case FAMILIES: break;
    }
    return ALERT_SCHEDULER_DOWN;
}

static void replace(const char **owned, const char *text)
{
    char *copy = text ? must_copy(text, strlen(text)) : NULL;
    free((void *)(uintptr_t)*owned);
    *owned = copy;
}

struct tracked *pool_add(struct engine *engine)
{
    struct pool *pool = &engine->pool;
    if (pool->count == pool->room) {
        pool->room = pool->room ? 2 * pool->room : 8;
        pool->incidents = must_grow(pool->incidents, pool->room, sizeof *pool->incidents);
    }
    struct tracked *tracked = must_alloc(sizeof *tracked);
    pool->incidents[pool->count++] = tracked;
    return tracked;
}

static void tracked_free(struct tracked *tracked)
{
    replace(&tracked->facts.summary, NULL);
    replace(&tracked->facts.cause, NULL);
    replace(&tracked->facts.scenario, NULL);
    replace(&tracked->facts.first_command, NULL);
    replace(&tracked->facts.evidence, NULL);
    free((void *)(uintptr_t)tracked->facts.tables);
    free(tracked->members);
    free(tracked->what);
    free(tracked);
}

void pool_drop(struct engine *engine, size_t index)
{
    struct pool *pool = &engine->pool;
    tracked_free(pool->incidents[index]);
    pool->count--;
    memmove(pool->incidents + index, pool->incidents + index + 1, (pool->count - index) * sizeof *pool->incidents);
}

void pool_free(struct engine *engine)
{
    while (engine->pool.count)
        pool_drop(engine, engine->pool.count - 1);
    free(engine->pool.incidents);
}

static struct member *member_of(const struct tracked *tracked, size_t table)
{
    for (size_t i = 0; i < tracked->member_count; i++)
        if (tracked->members[i].table == table)
            return &tracked->members[i];
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void pool_list_tables(const struct engine *engine, struct tracked *tracked)
{
    free((void *)(uintptr_t)tracked->facts.tables);
    const char **names = must_alloc((tracked->member_count + 1) * sizeof *names);
    for (size_t i = 0; i < tracked->member_count; i++)
        names[i] = engine->tables[tracked->members[i].table].name;
    qsort(names, tracked->member_count, sizeof *names, compare_names);
    tracked->facts.tables = names;
    tracked->facts.table_count = tracked->member_count;
}

void pool_add_member(const struct engine *engine, struct tracked *tracked, const struct table *table)
{
    tracked->members = must_grow(tracked->members, tracked->member_count + 1, sizeof *tracked->members);
    tracked->members[tracked->member_count++] = (struct member){ .table = table_index(engine, table), .bad = true };
    pool_list_tables(engine, tracked);
}

struct tracked *pool_find(const struct engine *engine, enum family family, const struct table *table)
{
    const struct pool *pool = &engine->pool;
    for (size_t i = 0; i < pool->count; i++) {
        struct tracked *tracked = pool->incidents[i];
        if (!tracked->facts.open || tracked->family != family)
            continue;
        const struct member *member = table ? member_of(tracked, table_index(engine, table)) : NULL;
        if (!table || (member && member->bad))
            return tracked;
    }
    return NULL;
}

/*
 * A relapse returns to its own incident, whichever else is near: a table is never in two of a kind. Otherwise tables whose
 * trouble began within one and a half intervals of each other have one cause.
 */
static struct tracked *find_to_join(const struct engine *engine, const struct complaint *complaint)
{
    const struct pool *pool = &engine->pool;
    int64_t reach_ms = engine_interval(engine) * 3 / 2;
    struct tracked *near = NULL;
    for (size_t i = 0; i < pool->count; i++) {
        struct tracked *tracked = pool->incidents[i];
        int64_t apart_ms = tracked->facts.onset_ms - complaint->onset_ms;
        if (!tracked->facts.open || tracked->family != complaint->family)
            continue;
        if (member_of(tracked, table_index(engine, complaint->table)))
            return tracked;
        if (!near && apart_ms <= reach_ms && apart_ms >= -reach_ms)
            near = tracked;
    }
    return near;
}

void pool_note(struct engine *engine, struct tracked *tracked, const char *kind, const char *text)
{
    if (!engine->sink.timeline)
        return;
    engine->sink.timeline(engine->sink.ctx, &(struct timeline_entry){
                                                .incident_id = tracked->facts.id,
                                                .at_ms = engine->clock_ms,
                                                .offset = engine->event ? engine->event->offset : -1,
                                                .kind = kind,
                                                .text = text,
                                            });
}

void pool_evidence(struct engine *engine, struct tracked *tracked)
{
    if (!engine->sink.timeline || !engine->event || engine->event->line.len == 0)
        return;
    if (tracked->evidence_count++ >= EVIDENCE_MOST)
        return;
    char *line = must_copy(engine->event->line.at, engine->event->line.len);
    pool_note(engine, tracked, "evidence", line);
    free(line);
}

void pool_changed(struct engine *engine, struct tracked *tracked)
{
    struct strbuf summary = { 0 };
    describe(tracked, tracked->facts.open ? NOTIFY_FIRING : NOTIFY_RESOLVED, engine->clock_ms, &summary);
    replace(&tracked->facts.summary, strbuf_text(&summary));
    strbuf_free(&summary);
    tracked->facts.prometheus_ms =
        prometheus_time(tracked, tracked->facts.open ? engine->clock_ms : tracked->facts.resolved_ms);
    if (engine->sink.incident)
        engine->sink.incident(engine->sink.ctx, &tracked->facts);
}

void pool_retell(const struct engine *engine)
{
    for (size_t i = 0; engine->sink.incident && i < engine->pool.count; i++)
        engine->sink.incident(engine->sink.ctx, &engine->pool.incidents[i]->facts);
}

void pool_set_cause(struct engine *engine, struct tracked *tracked, const char *cause, const char *scenario,
                    const char *first_command)
{
    if (!cause || (tracked->facts.cause && strcmp(tracked->facts.cause, cause) == 0))
        return;
    replace(&tracked->facts.cause, cause);
    replace(&tracked->facts.scenario, scenario);
    replace(&tracked->facts.first_command, first_command);
    pool_note(engine, tracked, "note", cause);
    pool_changed(engine, tracked);
}

static void take_words(struct tracked *tracked, const struct complaint *complaint)
{
    free(tracked->what);
    tracked->what = must_copy(complaint->what, strlen(complaint->what));
}

static void take_details(struct engine *engine, struct tracked *tracked, const struct complaint *complaint)
{
    /* What is known already is not given up for nothing. */
    if (complaint->cause || !tracked->facts.cause) {
        replace(&tracked->facts.cause, complaint->cause);
        replace(&tracked->facts.scenario, complaint->scenario);
        replace(&tracked->facts.first_command, complaint->first_command);
    }
    if (complaint->evidence) {
        replace(&tracked->facts.evidence, complaint->evidence);
    } else if (engine->event && engine->event->line.len) {
        const struct slice line = engine->event->line;
        char *copy = must_copy(line.at, line.len);
        replace(&tracked->facts.evidence, copy);
        free(copy);
    }
}

/* More than three of a kind within a day: somebody else must look. */
static void count_opening(struct engine *engine, struct tracked *tracked)
{
    int64_t *openings = engine->pool.openings[tracked->family];
    int64_t oldest = openings[1]; /* with the new one: the fourth newest */
    memmove(openings, openings + 1, (OPENINGS_KEPT - 1) * sizeof *openings);
    openings[OPENINGS_KEPT - 1] = engine->clock_ms;
    if (oldest && engine->clock_ms - oldest < DAY_MS)
        tracked->escalation_due = true;
}

static struct tracked *open_incident(struct engine *engine, const struct complaint *complaint)
{
    struct tracked *tracked = pool_add(engine);
    tracked->family = complaint->family;
    tracked->facts = (struct incident){
        .id = ++engine->pool.last_id,
        .alert = alert_of(complaint->family, complaint->severity),
        .severity = complaint->severity,
        .open = true,
        .table = complaint->table ? complaint->table->name : NULL,
        .onset_ms = complaint->onset_ms,
        .opened_ms = engine->clock_ms,
        .critical_ms = complaint->severity == SEVERITY_CRITICAL ? engine->clock_ms : 0,
    };
    pool_list_tables(engine, tracked);
    if (complaint->table)
        pool_add_member(engine, tracked, complaint->table);
    take_words(tracked, complaint);
    take_details(engine, tracked, complaint);
    pool_changed(engine, tracked);
    pool_note(engine, tracked, "opened", tracked->facts.summary);
    pool_evidence(engine, tracked);
    count_opening(engine, tracked);
    return tracked;
}

static void join(struct engine *engine, struct tracked *tracked, const struct complaint *complaint)
{
    struct member *member = member_of(tracked, table_index(engine, complaint->table));
    if (member)
        member->bad = true;
    else
        pool_add_member(engine, tracked, complaint->table);
    pool_changed(engine, tracked);
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s joins", complaint->table->name);
    pool_note(engine, tracked, "joined", strbuf_text(&text));
    pool_evidence(engine, tracked);
    strbuf_free(&text);
}

static void worsen(struct engine *engine, struct tracked *tracked, const struct complaint *complaint)
{
    tracked->facts.severity = complaint->severity;
    tracked->facts.alert = alert_of(tracked->family, complaint->severity);
    if (complaint->severity == SEVERITY_CRITICAL)
        tracked->facts.critical_ms = engine->clock_ms;
    take_details(engine, tracked, complaint);
    pool_changed(engine, tracked);
    pool_note(engine, tracked, "escalated", tracked->facts.summary);
    pool_evidence(engine, tracked);
}

struct tracked *pool_raise(struct engine *engine, const struct complaint *complaint)
{
    struct tracked *tracked = pool_find(engine, complaint->family, complaint->table);
    if (!tracked && complaint->table) {
        tracked = find_to_join(engine, complaint);
        if (tracked)
            join(engine, tracked, complaint);
    }
    if (!tracked) {
        tracked = open_incident(engine, complaint);
    } else {
        take_words(tracked, complaint);
        if (complaint->severity > tracked->facts.severity)
            worsen(engine, tracked, complaint);
    }
    announce_change(engine, tracked);
    return tracked;
}

static bool any_bad(const struct tracked *tracked)
{
    for (size_t i = 0; i < tracked->member_count; i++)
        if (tracked->members[i].bad)
            return true;
    return false;
}

static void resolve(struct engine *engine, struct tracked *tracked)
{
    tracked->facts.open = false;
    tracked->facts.resolved_ms = engine->clock_ms;
    pool_changed(engine, tracked);
    pool_note(engine, tracked, "resolved", tracked->facts.summary);
    pool_evidence(engine, tracked);
    announce_change(engine, tracked);
}

void pool_clear(struct engine *engine, enum family family, struct table *table)
{
    struct tracked *tracked = pool_find(engine, family, table);
    if (!tracked)
        return;
    struct member *member = table ? member_of(tracked, table_index(engine, table)) : NULL;
    if (member) {
        member->bad = false;
        if (any_bad(tracked)) {
            struct strbuf text = { 0 };
            strbuf_printf(&text, "%s is well again", table->name);
            pool_note(engine, tracked, "note", strbuf_text(&text));
            strbuf_free(&text);
            pool_changed(engine, tracked);
            return;
        }
    }
    resolve(engine, tracked);
}

void pool_turn_into(struct engine *engine, struct tracked *tracked, const struct complaint *complaint)
{
    enum family family = complaint->family;
    tracked->family = family;
    tracked->facts.severity = SEVERITY_CRITICAL;
    tracked->facts.alert = alert_of(family, SEVERITY_CRITICAL);
    if (!tracked->facts.critical_ms)
        tracked->facts.critical_ms = engine->clock_ms;
    tracked->prometheus_due_ms = 0;
    replace(&tracked->facts.cause, complaint->cause);
    replace(&tracked->facts.scenario, complaint->scenario);
    replace(&tracked->facts.first_command, complaint->first_command);
    take_words(tracked, complaint);
    pool_changed(engine, tracked);
    pool_note(engine, tracked, "escalated", tracked->facts.summary);
    announce_change(engine, tracked);
}
