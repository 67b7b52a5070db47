/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "summary.h"

#include <inttypes.h>

#include "saved.h"

enum { COUNT_MOST = 1000000 }; /* the parser takes no summary with more */
enum { MISSING_MOST = 3 };

static int64_t bounded_count(int64_t count)
{
    return count < 0 ? 0 : count > COUNT_MOST ? COUNT_MOST : count;
}

static int64_t bad(const struct counted *counted)
{
    return counted->failed + counted->timed_out;
}

int64_t summary_hidden_failures(const struct summary *summary)
{
    int64_t more = bad(&summary->said) - bad(&summary->counted);
    return more > 0 ? more : 0;
}

bool summary_hides_timeouts_only(const struct summary *summary)
{
    return summary_hidden_failures(summary) > 0 && summary->said.failed <= summary->counted.failed;
}

/*
 * A run that timed out failed as well, so the two are compared as one number. Where the lines tell of more runs than the summary, nothing is
 * missing: a logger with two handlers writes each line twice, and bursts repeat themselves.
 */
static bool agree(const struct summary *summary)
{
    return summary_hidden_failures(summary) == 0 && summary->said.succeeded <= summary->counted.succeeded;
}

static void compare(struct summary *summary, const struct cycle *cycle, int64_t now_ms)
{
    summary->counted = (struct counted){ bounded_count(cycle->succeeded), bounded_count(cycle->failed),
                                         bounded_count(cycle->timed_out) };
    if (summary_hidden_failures(summary) == 0)
        summary->open_ms = now_ms;
    if (agree(summary))
        summary->differs_ms = 0;
    else if (!summary->differs_ms)
        summary->differs_ms = now_ms;
}

bool summary_take(struct summary *summary, const struct event *event, const struct cycle *cycle, int64_t now_ms)
{
    bool running = cycle->id != 0 && cycle->outcome == CYCLE_RUNNING;
    if (!running && !summary->due)
        return false; /* another one for the same cycle, or one of a cycle that was not seen as a whole */
    summary->said = (struct counted){ bounded_count(event->succeeded), bounded_count(event->failed),
                                      bounded_count(event->timed_out) };
    summary->early = running;
    summary->due = false;
    summary->missing = 0;
    if (!running)
        compare(summary, cycle, now_ms);
    return !running;
}

bool summary_cycle_completed(struct summary *summary, const struct cycle *cycle, int64_t now_ms)
{
    bool whole = !summary->lines_lost, early = summary->early;
    summary->early = false;
    summary->due = whole && !early;
    if (whole && early)
        compare(summary, cycle, now_ms);
    return whole && early;
}

bool summary_cycle_started(struct summary *summary)
{
    bool is_out = summary->due && ++summary->missing == MISSING_MOST;
    summary->due = summary->early = summary->lines_lost = false;
    if (is_out) {
        summary->said = summary->counted;
        summary->differs_ms = 0;
    }
    return is_out;
}

bool summary_correct(const struct summary *summary, struct cycle *cycle)
{
    const struct counted *said = &summary->said;
    bool knows_failures = summary_hidden_failures(summary) > 0;
    /* Where the lines told of more failures than the summary, its successes are not believed either. */
    bool knows_successes = bad(said) == bad(&summary->counted) && said->succeeded > summary->counted.succeeded;
    if (knows_failures) {
        cycle->failed = (int)said->failed;
        cycle->timed_out = (int)said->timed_out;
    }
    if (knows_failures || knows_successes)
        cycle->succeeded = (int)said->succeeded;
    return knows_failures || knows_successes;
}

static void describe_counted(const struct counted *counted, struct strbuf *out)
{
    strbuf_printf(out, "%" PRId64 " success%s and %" PRId64 " failure%s", counted->succeeded,
                  counted->succeeded == 1 ? "" : "es", bad(counted), bad(counted) == 1 ? "" : "s");
}

void summary_describe(const struct summary *summary, struct strbuf *out)
{
    if (agree(summary))
        return;
    strbuf_puts(out, "the cycle's summary counts ");
    describe_counted(&summary->said, out);
    strbuf_puts(out, ", but the lines of its runs tell of ");
    describe_counted(&summary->counted, out);
}

static void counted_archive(struct counted *counted, struct archive *archive, const char *name)
{
    int64_t values[] = { counted->succeeded, counted->failed, counted->timed_out };
    size_t count = 3;
    saved_i64s(archive, name, values, &count, 3);
    for (size_t i = 0; i < count; i++)
        values[i] = bounded_count(values[i]);
    if (archive_loading(archive) && count == 3)
        *counted = (struct counted){ values[0], values[1], values[2] };
}

void summary_archive(struct summary *summary, struct archive *archive)
{
    archive_bool(archive, "summary.due", &summary->due);
    archive_bool(archive, "summary.early", &summary->early);
    archive_bool(archive, "summary.lost", &summary->lines_lost);
    saved_i64(archive, "summary.open", &summary->open_ms);
    saved_i64(archive, "summary.differs", &summary->differs_ms);
    saved_count(archive, "summary.missing", &summary->missing);
    counted_archive(&summary->said, archive, "summary.said");
    counted_archive(&summary->counted, archive, "summary.counted");
}
