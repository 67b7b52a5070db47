/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/say.h"
#include "daemon_private.h"

/*
 * The clocks: the host's, which is set and sleeps, and the log's, which is read in a zone that may be another than the
 * writer's.
 */

void daemon_look_at_clocks(struct daemon *daemon)
{
    daemon->now_ms = clock_now_ms();
    daemon->running_ms = clock_running_ms();
}

void daemon_feed_host(struct daemon *daemon, const struct event *what)
{
    struct event event = *what;
    event.time_ms = daemon->now_ms;
    event.offset = -1;
    engine_feed(daemon->ingest.engine, &event);
    daemon->touched = true;
}

static void move_clock(struct daemon *daemon, int64_t by_ms)
{
    daemon_feed_host(daemon, &(struct event){ .kind = EVENT_HOST_RESUMED, .duration_ms = by_ms });
}

void daemon_notice_jump(struct daemon *daemon)
{
    int64_t jump_ms = clock_watch_jump_ms(&daemon->clock);
    if (jump_ms == 0)
        return;
    daemon->textfile.written_ms = 0;
    say_warning("the clock jumped by %" PRId64 " s: the host slept, or its clock was set", jump_ms / 1000);
    move_clock(daemon, jump_ms);
}

/* Lines from the future (the clock was wrong, and is right now) must not leave every promise broken for ever. */
void daemon_leave_future(struct daemon *daemon)
{
    int64_t ahead_ms = engine_clock(daemon->ingest.engine) - daemon->now_ms;
    if (ahead_ms <= INGEST_AHEAD_MS)
        return;
    say_warning("the log is %" PRId64 " s ahead of the clock: one of them was wrong", ahead_ms / 1000);
    move_clock(daemon, -ahead_ms);
}

/* "UTC+05:30 (<+0530>-05:30)": the second is what [log] timezone and TZ take. */
static void zone_put(int64_t offset_s, struct strbuf *out)
{
    int64_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    int hours = (int)(minutes / 60), rest = (int)(minutes % 60);
    char sign = offset_s < 0 ? '-' : '+';
    if (minutes == 0)
        strbuf_puts(out, "UTC");
    else
        strbuf_printf(out, "UTC%c%02d:%02d (as [log] timezone: <%c%02d%02d>%c%02d:%02d)", sign, hours, rest, sign,
                      hours, rest, offset_s < 0 ? '+' : '-', hours, rest);
}

static void zone_text(const struct daemon *daemon, struct strbuf *out)
{
    int64_t error_ms = daemon->ingest.zone_error_ms;
    int64_t minutes = (error_ms < 0 ? -error_ms : error_ms) / 60000;
    time_t now = daemon->now_ms / 1000;
    struct tm local;
    if (error_ms == 0 || !localtime_r(&now, &local))
        return;
    strbuf_printf(out, "the log's times are %d:%02d hours %s the clock: its zone is probably ", (int)(minutes / 60),
                  (int)(minutes % 60), error_ms < 0 ? "behind" : "ahead of");
    zone_put(local.tm_gmtoff + error_ms / 1000, out);
    strbuf_puts(out, "; they are read as such");
}

void daemon_log_trouble(const struct daemon *daemon, struct strbuf *out)
{
    const char *refusal = follow_refusal(daemon->follow);
    if (refusal)
        strbuf_printf(out, "the log is not read: %s", refusal);
    else
        zone_text(daemon, out);
}

static void say_zone(struct daemon *daemon)
{
    struct strbuf text = { 0 };
    if (daemon->ingest.zone_error_ms == daemon->zone_said_ms)
        return;
    daemon->zone_said_ms = daemon->ingest.zone_error_ms;
    zone_text(daemon, &text);
    say_warning("%s", text.len ? strbuf_text(&text) : "the log's times agree with the clock again");
    strbuf_free(&text);
}

/*
 * The newest record and the last write to its file are of one moment, by the same clock whatever that was set to. Where they
 * differ by whole half hours, the record was read in the wrong zone. The engine's clock may already stand on it; if so, it moves.
 */
void daemon_notice_zone(struct daemon *daemon)
{
    struct ingest *ingest = &daemon->ingest;
    int64_t records = parser_counts(ingest->parser)->records;
    int64_t written_ms = follow_written_ms(daemon->follow), error_ms = 0;
    if (records != daemon->records_judged && written_ms != 0 &&
        ingest_zone_error(ingest_clock(ingest) - written_ms, &error_ms) && error_ms != 0) {
        int64_t misread_ms = ingest_clock(ingest) - engine_clock(ingest->engine);
        bool stands_on_it = llabs(misread_ms) < llabs(misread_ms - error_ms);
        ingest->zone_error_ms += error_ms;
        if (stands_on_it)
            move_clock(daemon, -error_ms);
        daemon->touched = true;
    }
    daemon->records_judged = records;
    say_zone(daemon);
}
