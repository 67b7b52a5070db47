/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

/*
 * What people are told, and when. An incident remembers what it told last; whenever it differs from what is true, and telling
 * is allowed, one notification closes the gap. So old news, a crowded hour, a silence and a restart all need no special case:
 * what is still true when the way is free is told, once, as it then stands.
 *
 * Under a silence what would have been told is noted for the history. One thing is told all the same: the end of what
 * was told before. It wakes nobody, and whoever was paged, or a receiver that goes on paging, must learn that it is over.
 */

enum { GOOD_CYCLES_TO_VERIFY = 3, RESOLVED_KEPT = 32, ROUTINE_AN_HOUR = NOTIFICATIONS_AN_HOUR - 1 };

/* The hour that the limit speaks of; schedules below a minute (tests, demonstrations) have a shorter one. */
static int64_t crowded_ms(const struct engine *engine)
{
    int64_t interval = engine_interval(engine);
    return interval >= MINUTE_MS ? HOUR_MS : 4 * interval;
}

/* When there is room for one more: at once, or when old ones are an hour old. The last place is kept for news of a critical. */
static int64_t room_at(const struct engine *engine, bool critical_news)
{
    const struct pool *pool = &engine->pool;
    size_t places = critical_news ? NOTIFICATIONS_AN_HOUR : ROUTINE_AN_HOUR;
    if (pool->sent_count < places)
        return engine->clock_ms;
    int64_t free_ms = pool->sent_ms[pool->sent_count - places] + crowded_ms(engine);
    return free_ms > engine->clock_ms ? free_ms : engine->clock_ms;
}

static void count_sent(struct pool *pool, int64_t at_ms)
{
    if (pool->sent_count == NOTIFICATIONS_AN_HOUR) {
        memmove(pool->sent_ms, pool->sent_ms + 1, (NOTIFICATIONS_AN_HOUR - 1) * sizeof *pool->sent_ms);
        pool->sent_count--;
    }
    pool->sent_ms[pool->sent_count++] = at_ms;
}

static const char *escalate_to(const struct tracked *tracked)
{
    return tracked->family == FAMILY_STALE ? "Engineering Lead and Data Team" : "Engineering Lead";
}

static void note_notified(struct engine *engine, struct tracked *tracked, enum notification_status status,
                          enum hearing hearing)
{
    struct strbuf note = { 0 };
    strbuf_printf(&note, "%s %s%s", notification_status_name(status), severity_name(tracked->facts.severity),
                  hearing == HEARD_BY_NONE ? ", silenced" : "");
    pool_note(engine, tracked, "notified", strbuf_text(&note));
    strbuf_free(&note);
}

static void send(struct engine *engine, struct tracked *tracked, enum notification_status status, enum hearing hearing)
{
    struct incident *facts = &tracked->facts;
    struct strbuf summary = { 0 };
    describe(tracked, status, engine->clock_ms, &summary);
    facts->prometheus_ms = prometheus_time(tracked, facts->open ? engine->clock_ms : facts->resolved_ms);
    tracked->sequence++;
    if (hearing == HEARD_BY_ALL)
        count_sent(&engine->pool, engine->clock_ms);
    if (engine->sink.notify) {
        engine->sink.notify(engine->sink.notify_ctx,
                            &(struct notification){
                                .time_ms = engine->clock_ms,
                                .status = status,
                                .severity = facts->severity,
                                .alert = facts->alert,
                                .sequence = tracked->sequence,
                                .summary = strbuf_text(&summary),
                                .escalate_to = status == NOTIFY_ESCALATED ? escalate_to(tracked) : NULL,
                                .hearing = hearing,
                                .incident = facts,
                            });
    }
    if (hearing != HEARD_BY_KEEPERS)
        note_notified(engine, tracked, status, hearing);
    strbuf_free(&summary);
}

enum news { NEWS_NONE, NEWS_FIRING, NEWS_RESOLVED };

/* What is true and was not said. */
static enum news news_since(const struct engine *engine, const struct tracked *tracked, const struct said *said)
{
    const struct incident *facts = &tracked->facts;
    if (!facts->open)
        return said->firing && !said->resolved ? NEWS_RESOLVED : NEWS_NONE;
    if (engine->catching_up)
        return NEWS_NONE;
    bool same = said->firing && said->severity == facts->severity && said->alert == facts->alert;
    return same ? NEWS_NONE : NEWS_FIRING;
}

static enum news news_of(const struct engine *engine, const struct tracked *tracked)
{
    return news_since(engine, tracked, &tracked->told);
}

static void say(struct engine *engine, struct tracked *tracked, enum news news, enum hearing hearing)
{
    struct said *said = hearing == HEARD_BY_NONE ? &tracked->noted : &tracked->told;
    if (news == NEWS_RESOLVED)
        said->resolved = true;
    else
        *said = (struct said){ .firing = true, .severity = tracked->facts.severity, .alert = tracked->facts.alert };
    tracked->noted = *said;
    if (news == NEWS_FIRING)
        send(engine, tracked, NOTIFY_FIRING, hearing);
    else if (engine->settings.notify.resolved)
        send(engine, tracked, NOTIFY_RESOLVED, hearing);
    else if (hearing == HEARD_BY_ALL)
        send(engine, tracked, NOTIFY_RESOLVED, HEARD_BY_KEEPERS);
}

static bool is_silenced(const struct engine *engine)
{
    return engine->clock_ms < engine->silenced_until_ms;
}

static bool critical_news(const struct tracked *tracked, enum news news)
{
    return news == NEWS_FIRING && tracked->facts.severity == SEVERITY_CRITICAL;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void announce_change(struct engine *engine, struct tracked *tracked)
{
    enum news news = news_of(engine, tracked);
    if (is_silenced(engine) && news != NEWS_RESOLVED) {
        news = news_since(engine, tracked, &tracked->noted);
        if (news != NEWS_NONE)
            say(engine, tracked, news, HEARD_BY_NONE);
        return;
    }
    if (news == NEWS_NONE || room_at(engine, critical_news(tracked, news)) > engine->clock_ms)
        return;
    if (news == NEWS_FIRING) {
        if (!tracked->told.firing)
            tracked->first_told_ms = engine->clock_ms;
        tracked->reminded_ms = engine->clock_ms;
    }
    say(engine, tracked, news, HEARD_BY_ALL);
}

void announce_all(struct engine *engine)
{
    for (size_t i = 0; i < engine->pool.count; i++)
        announce_change(engine, engine->pool.incidents[i]);
    engine->floor_ms = engine->clock_ms;
}

/* When what is no news may be repeated: not in a crowded hour, nor under a silence. */
static int64_t leave_at(const struct engine *engine)
{
    return later(room_at(engine, false), engine->silenced_until_ms);
}

static int64_t escalation_at(const struct engine *engine, const struct tracked *tracked)
{
    const struct incident *facts = &tracked->facts;
    int64_t recovery = alert_recovery_ms(facts->alert);
    if (!facts->open || !tracked->told.firing || facts->escalated_ms)
        return INT64_MAX;
    if (tracked->escalation_due)
        return leave_at(engine);
    if (recovery == 0)
        return INT64_MAX;
    /* Whoever was told late, after a backlog, is given the runbook's time as well. */
    return later(tracked->first_told_ms + recovery + engine->settings.notify.escalation_ms, leave_at(engine));
}

static int64_t reminder_at(const struct engine *engine, const struct tracked *tracked)
{
    int64_t every = engine->settings.notify.reminder_ms;
    if (!tracked->facts.open || tracked->told.severity != SEVERITY_CRITICAL || every == 0)
        return INT64_MAX;
    return later(tracked->reminded_ms + every, leave_at(engine));
}

static int64_t news_at(const struct engine *engine, const struct tracked *tracked)
{
    enum news news = news_of(engine, tracked);
    int64_t room_ms = room_at(engine, critical_news(tracked, news));
    switch (news) {
    case NEWS_NONE: return INT64_MAX;
    case NEWS_FIRING: return later(room_ms, engine->silenced_until_ms);
    case NEWS_RESOLVED: break;
    }
    return room_ms;
}

static int64_t announcer_due(const struct engine *engine)
{
    int64_t best = INT64_MAX;
    for (size_t i = 0; !engine->catching_up && i < engine->pool.count; i++) {
        const struct tracked *tracked = engine->pool.incidents[i];
        int64_t times[] = { news_at(engine, tracked), escalation_at(engine, tracked), reminder_at(engine, tracked) };
        for (size_t t = 0; t < sizeof times / sizeof times[0]; t++)
            best = times[t] < best ? times[t] : best;
    }
    return best;
}

static void announcer_expire(struct engine *engine)
{
    for (size_t i = 0; i < engine->pool.count; i++) {
        struct tracked *tracked = engine->pool.incidents[i];
        if (news_at(engine, tracked) <= engine->clock_ms)
            announce_change(engine, tracked);
        if (escalation_at(engine, tracked) <= engine->clock_ms) {
            tracked->facts.escalated_ms = engine->clock_ms;
            send(engine, tracked, NOTIFY_ESCALATED, HEARD_BY_ALL);
            pool_changed(engine, tracked);
        }
        if (reminder_at(engine, tracked) <= engine->clock_ms) {
            tracked->reminded_ms = engine->clock_ms;
            send(engine, tracked, NOTIFY_REMINDER, HEARD_BY_ALL);
        }
    }
}

/* Three good cycles that began after the recovery verify it. */
static void verify(struct engine *engine)
{
    const struct cycle *cycle = &engine->model.cycle;
    bool good = cycle->outcome == CYCLE_SUCCESS && engine->slow.level == SEVERITY_NONE;
    struct pool *pool = &engine->pool;
    for (size_t i = pool->count; i-- > 0;) {
        struct tracked *tracked = pool->incidents[i];
        if (tracked->facts.open || cycle->started_ms < tracked->facts.resolved_ms)
            continue;
        tracked->good_cycles = good ? tracked->good_cycles + 1 : 0;
        if (tracked->good_cycles < GOOD_CYCLES_TO_VERIFY || news_of(engine, tracked) != NEWS_NONE)
            continue;
        tracked->facts.verified_ms = engine->clock_ms;
        pool_changed(engine, tracked);
        pool_note(engine, tracked, "verified", "three good cycles");
        pool_drop(engine, i);
    }
}

/* A pipeline that never gets three good cycles in a row, or whose log tells of no cycles, must not gather memory. */
static void forget_oldest(struct engine *engine)
{
    struct pool *pool = &engine->pool;
    size_t resolved = 0;
    if (pool->count <= RESOLVED_KEPT)
        return;
    for (size_t i = pool->count; i-- > 0;) {
        const struct tracked *tracked = pool->incidents[i];
        resolved += !tracked->facts.open;
        if (!tracked->facts.open && resolved > RESOLVED_KEPT && news_of(engine, tracked) == NEWS_NONE)
            pool_drop(engine, i);
    }
}

/* The clock was set back: what was told a while ago would lie in the future, and its hour be crowded until that is past. */
static void set_back(struct pool *pool, int64_t by_ms)
{
    for (size_t i = 0; i < pool->sent_count; i++)
        pool->sent_ms[i] += by_ms;
    for (size_t i = 0; i < FAMILIES; i++)
        for (size_t k = 0; k < OPENINGS_KEPT; k++)
            pool->openings[i][k] += pool->openings[i][k] ? by_ms : 0;
    for (size_t i = 0; i < pool->count; i++) {
        pool->incidents[i]->first_told_ms += by_ms;
        pool->incidents[i]->reminded_ms += by_ms;
    }
}

static void announcer_fact(struct engine *engine, const struct fact *fact)
{
    if (fact->kind == FACT_HOST_RESUMED && fact->duration_ms < 0)
        set_back(&engine->pool, fact->duration_ms);
    if (fact->kind == FACT_CYCLE_COMPLETED)
        verify(engine);
    forget_oldest(engine);
}

const struct detector announcer = { announcer_fact, announcer_due, announcer_expire };
