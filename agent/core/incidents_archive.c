/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <stdlib.h>

/* The incidents over a restart: what is open, what was told, what waits to be verified. */

enum { INCIDENTS_MOST = FAMILIES * TABLES_MOST }; /* open at once, and far more than wait to be verified */

static void archive_owned(struct archive *archive, const char *name, const char **owned)
{
    char *text = (char *)(uintptr_t)*owned;
    archive_text(archive, name, &text);
    *owned = text;
}

static void members_archive(struct engine *engine, struct tracked *tracked, struct archive *archive)
{
    int64_t tables[TABLES_MOST], bad[TABLES_MOST];
    size_t count = tracked->member_count, bad_count = count;
    for (size_t i = 0; i < count; i++) {
        tables[i] = (int64_t)tracked->members[i].table;
        bad[i] = tracked->members[i].bad;
    }
    archive_i64s(archive, "members", tables, &count, TABLES_MOST);
    archive_i64s(archive, "members.bad", bad, &bad_count, TABLES_MOST);
    if (!archive_loading(archive))
        return;
    for (size_t i = 0; i < count && i < bad_count; i++) {
        if (tables[i] < 0 || (size_t)tables[i] >= engine->table_count)
            continue;
        pool_add_member(engine, tracked, &engine->tables[tables[i]]);
        tracked->members[tracked->member_count - 1].bad = bad[i] != 0;
    }
    pool_list_tables(engine, tracked);
}

static void said_archive(struct said *said, const char *const names[4], struct archive *archive)
{
    int severity = (int)said->severity, alert = (int)said->alert;
    archive_bool(archive, names[0], &said->firing);
    archive_enum(archive, names[1], &severity, SEVERITIES);
    archive_enum(archive, names[2], &alert, ALERTS);
    archive_bool(archive, names[3], &said->resolved);
    said->severity = (enum severity)severity;
    said->alert = (enum alert)alert;
}

static void told_archive(struct tracked *tracked, struct archive *archive)
{
    static const char *const told[] = { "told", "told.severity", "told.alert", "told.resolved" };
    static const char *const noted[] = { "noted", "noted.severity", "noted.alert", "noted.resolved" };
    said_archive(&tracked->told, told, archive);
    tracked->noted =
        archive_loading(archive) ? tracked->told : tracked->noted; /* an older version tells no two apart */
    said_archive(&tracked->noted, noted, archive);
    archive_bool(archive, "escalation", &tracked->escalation_due);
    archive_i64(archive, "first_told", &tracked->first_told_ms);
    archive_i64(archive, "reminded", &tracked->reminded_ms);
    archive_i64(archive, "sequence", &tracked->sequence);
    archive_i64(archive, "good_cycles", &tracked->good_cycles);
    archive_i64(archive, "prometheus", &tracked->prometheus_due_ms);
    archive_i64(archive, "evidence", &tracked->evidence_count);
}

static void tracked_archive(struct engine *engine, struct tracked *tracked, struct archive *archive)
{
    struct incident *facts = &tracked->facts;
    int family = (int)tracked->family, alert = (int)facts->alert, severity = (int)facts->severity;
    int64_t table = facts->table ? (int64_t)table_index(engine, table_named(engine, slice_of(facts->table))) : -1;

    archive_i64(archive, "incident", &facts->id);
    archive_enum(archive, "family", &family, FAMILIES);
    archive_enum(archive, "alert", &alert, ALERTS);
    archive_enum(archive, "severity", &severity, SEVERITIES);
    archive_bool(archive, "open", &facts->open);
    archive_i64(archive, "table.index", &table);
    archive_i64(archive, "onset", &facts->onset_ms);
    archive_i64(archive, "opened", &facts->opened_ms);
    archive_i64(archive, "critical", &facts->critical_ms);
    archive_i64(archive, "resolved", &facts->resolved_ms);
    archive_i64(archive, "verified", &facts->verified_ms);
    archive_i64(archive, "escalated", &facts->escalated_ms);
    archive_i64(archive, "prometheus.at", &facts->prometheus_ms);
    archive_text(archive, "what", &tracked->what);
    archive_owned(archive, "summary", &facts->summary);
    archive_owned(archive, "cause", &facts->cause);
    archive_owned(archive, "scenario", &facts->scenario);
    archive_owned(archive, "first_command", &facts->first_command);
    archive_owned(archive, "line", &facts->evidence);
    if (archive_loading(archive)) {
        tracked->family = (enum family)family;
        facts->alert = (enum alert)alert;
        facts->severity = (enum severity)severity;
        facts->table = table >= 0 && (size_t)table < engine->table_count ? engine->tables[table].name : NULL;
    }
    told_archive(tracked, archive);
    members_archive(engine, tracked, archive);
}

/* They stand in the order of their ids. Where no younger one follows, the count is damaged, and the last one was found again. */
static bool load_next(struct engine *engine, struct archive *archive, int64_t *last_id)
{
    struct tracked *tracked = pool_add(engine);
    tracked_archive(engine, tracked, archive);
    bool is_next = tracked->facts.id > *last_id;
    *last_id = tracked->facts.id;
    if (!is_next)
        pool_drop(engine, engine->pool.count - 1);
    return is_next;
}

void pool_archive(struct engine *engine, struct archive *archive)
{
    static const char *const openings[FAMILIES] = {
        [FAMILY_FAILURES] = "openings.failures",
        [FAMILY_LAG] = "openings.lag",
        [FAMILY_SLOW] = "openings.slow",
        [FAMILY_STALE] = "openings.stale",
        [FAMILY_DOWN] = "openings.down",
        [FAMILY_CRASH_LOOP] = "openings.crash_loop",
        [FAMILY_SUCCESS_RATE] = "openings.success_rate",
        [FAMILY_THROUGHPUT] = "openings.throughput",
        [FAMILY_LOG] = "openings.log",
        [FAMILY_DELIVERY] = "openings.delivery",
    };
    struct pool *pool = &engine->pool;
    int64_t count = (int64_t)pool->count;
    archive_i64(archive, "last_incident", &pool->last_id);
    archive_i64s(archive, "sent", pool->sent_ms, &pool->sent_count, NOTIFICATIONS_AN_HOUR);
    for (size_t i = 0; i < FAMILIES; i++) {
        size_t kept = OPENINGS_KEPT;
        archive_i64s(archive, openings[i], pool->openings[i], &kept, OPENINGS_KEPT);
    }
    archive_i64(archive, "incidents", &count);
    count = count < INCIDENTS_MOST ? count : INCIDENTS_MOST;
    if (archive_loading(archive))
        for (int64_t last_id = 0; count > 0 && load_next(engine, archive, &last_id); count--)
            ;
    else
        for (int64_t i = 0; i < count; i++)
            tracked_archive(engine, pool->incidents[i], archive);
}
