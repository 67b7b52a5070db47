/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/say.h"
#include "daemon_private.h"

/* Clocks that are wrong: the host's, which is set or stands still in a sleep, and the log's, which may be written in another zone. */

void daemon_look_at_clocks(struct daemon *daemon)
{
    daemon->now_ms = clock_now_ms();
    daemon->running_ms = clock_running_ms();
}

static void engine_clock_move(struct daemon *daemon, int64_t by_ms)
{
    daemon_feed_host(daemon, &(struct event){ .kind = EVENT_HOST_RESUMED, .duration_ms = by_ms });
}

void daemon_notice_jump(struct daemon *daemon)
{
    int64_t jump_ms = clock_watch_jump_ms(&daemon->clock);
    ingest_notice_jump(&daemon->ingest, jump_ms);
    if (jump_ms == 0)
        return;
    daemon->textfile.written_ms = 0;
    say_warning("the clock jumped by %" PRId64 " s: the host slept, or its clock was set", jump_ms / 1000);
    engine_clock_move(daemon, jump_ms);
}

/* After lines from the future (the clock was wrong and is right now) every promise would count as broken until they are past. */
void daemon_leave_future(struct daemon *daemon)
{
    int64_t ahead_ms = engine_clock(daemon->ingest.engine) - daemon->now_ms;
    if (ahead_ms <= INGEST_AHEAD_MS)
        return;
    say_warning("the log is %" PRId64 " s ahead of the clock: one of them was wrong", ahead_ms / 1000);
    engine_clock_move(daemon, -ahead_ms);
}

/* Writes "UTC+05:30 (as [log] timezone: <+0530>-05:30)". */
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
    if (text.len)
        say_warning("%s", strbuf_text(&text));
    else
        say_note("the log's times agree with the clock again");
    strbuf_free(&text);
}

/*
 * The newest record and the last write to its file belong to one moment of one clock, whatever that clock was set to. If they differ
 * by whole half hours, the record was read in the wrong zone. If the engine's clock stands on that record, it moves as well. A record that
 * was read as it was written was compared with the clock already.
 */
void daemon_notice_zone(struct daemon *daemon)
{
    struct ingest *ingest = &daemon->ingest;
    int64_t records = parser_counts(ingest->parser)->records;
    int64_t written_ms = follow_written_ms(daemon->follow), error_ms = 0;
    if (ingest->since_ms == 0 && !ingest->left_out && records != daemon->records_judged && written_ms != 0 &&
        ingest_zone_error(ingest_clock(ingest) - written_ms, &error_ms) && error_ms != 0) {
        int64_t misread_ms = ingest_clock(ingest) - engine_clock(ingest->engine);
        bool stands_on_it = llabs(misread_ms) < llabs(misread_ms - error_ms);
        ingest->zone_error_ms += error_ms;
        if (stands_on_it)
            engine_clock_move(daemon, -error_ms);
        daemon->touched = daemon->urgent = true;
    }
    daemon->records_judged = records;
    say_zone(daemon);
}
