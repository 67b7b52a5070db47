/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_state.h"

#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "inotify.h"
#include "wake_timer.h"

/* After a close event the writer is asked for again after 2, 8, 32, 128 and 512 ms (see on_close). */
enum { RECHECK_FIRST_MS = 2, RECHECK_FACTOR = 4, RECHECK_LAST_MS = 512 };

/*
 * The longest sleep in seconds. It is there for what no event tells: the clock was set, the host was suspended, a directory further up
 * was renamed. None of these is urgent, since every deadline ends the sleep as well.
 */
enum { SLEEP_MOST_S = 300 };

/* Whoever makes and removes files in the log's directory all the time can make this happen many times a second. */
enum { SAY_OVERFLOW_AGAIN_MS = 60 * 60 * 1000 };

enum { FILE_MOVED = IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT };

/* The kernel's queue was full and events were lost: everything is looked at again. */
static void on_overflow(struct follow *follow)
{
    int64_t now_ms = clock_running_ms();

    if (follow->overflow_said_ms == 0 || now_ms - follow->overflow_said_ms >= SAY_OVERFLOW_AGAIN_MS) {
        follow_note(follow, FOLLOW_OVERFLOW, "the kernel dropped events: looking at everything again");
        follow->overflow_said_ms = now_ms;
    }
    follow->look = true;
    for (size_t i = 0; i < follow->count; i++)
        follow->files[i].ask_again = true;
}

static void plan_recheck(struct follow *follow, int64_t after_ms)
{
    follow->recheck_ms = after_ms;
    follow->recheck_at_ms = clock_running_ms() + after_ms;
}

/*
 * A writer closes the file with descriptor fd. There is a race:
 *
 *   1. the kernel tells us of the close (IN_CLOSE_WRITE);
 *   2. we ask for the writer: there is one, because the kernel has not taken it off the inode's count yet. That takes
 *      milliseconds if the close gives disk blocks back;
 *   3. the kernel takes it off, and tells nobody.
 *
 * So the question is repeated for a while if the answer is still PRESENT.
 */
static void on_close(struct follow *follow, int fd)
{
    for (size_t i = 0; i < follow->count; i++) {
        struct followed *file = &follow->files[i];
        if (tail_fd(file->tail) != fd)
            continue;
        file->ask_again = true;
        file->closed = i + 1 < follow->count || !follow->current;
        plan_recheck(follow, RECHECK_FIRST_MS);
    }
}

static bool on_file_event(struct follow *follow, const struct inotify_notice *event)
{
    if (event->mask & IN_CLOSE_WRITE)
        on_close(follow, event->fd);
    if (event->mask & FILE_MOVED)
        follow->look = true;
    return event->mask & (IN_MODIFY | IN_CLOSE_WRITE | FILE_MOVED);
}

/* While a directory above the log's is watched, any new name in it may be a part of the log's path. */
static bool on_directory_event(struct follow *follow, const struct inotify_notice *event)
{
    bool is_over = event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT);
    bool is_stranger = event->name && follow->place_is_directory && strcmp(event->name, follow->base) != 0;

    if (is_stranger || (event->mask & IN_IGNORED && !is_over))
        return false;
    if (is_over)
        follow->place_watched = false;
    follow->look = true;
    return true;
}

/* Returns true if the caller of follow_wait has something to do. */
static bool on_event(struct follow *follow, const struct inotify_notice *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        on_overflow(follow);
        return true;
    }
    return event->fd >= 0 ? on_file_event(follow, event) : on_directory_event(follow, event);
}

/* Whether we must look from time to time, because no event may tell what we wait for. */
static bool is_slow(const struct follow *follow)
{
    if (follow->polling || follow->retry || follow->is_linked || follow->unreadable.len > 0 || !follow->have_inotify)
        return true;
    for (size_t i = 0; i < follow->count; i++)
        if (follow->files[i].written_ms != 0 && !follow->files[i].blamed)
            return true;
    return false;
}

static bool slow_is_due(struct follow *follow)
{
    if (!is_slow(follow) || clock_running_ms() < follow->slow_ms)
        return false;
    follow->look = true;
    return true;
}

static enum inotify_outcome sleep_until_slow(void)
{
    return clock_sleep_ms(FOLLOW_SLOW_MS) ? INOTIFY_TIMEOUT : INOTIFY_INTERRUPTED;
}

static enum inotify_outcome next_notice(struct follow *follow, struct inotify_notice *event)
{
    if (!follow->have_inotify)
        return sleep_until_slow();
    enum inotify_outcome outcome = inotify_next(is_slow(follow) ? FOLLOW_SLOW_MS / 1000 : SLEEP_MOST_S, event);
    if (outcome == INOTIFY_FAILED)
        follow->place_watched = false; /* the next look opens a new inotify instance */
    return outcome;
}

/*
 * Notices another file at path of which no event told yet: a directory further up was renamed, something was mounted over it, or the event
 * waits behind others. Whether the file that was refused may be read by now is asked by slow_is_due.
 */
static void check_path_by_name(struct follow *follow)
{
    struct stat st;
    bool there = lstat(follow->path, &st) == 0;
    bool same = follow->current && there && tail_is(follow->files[follow->count - 1].tail, st.st_dev, st.st_ino);
    bool changed = follow->current ? !same : there && !follow->refused;

    if (changed)
        follow->look = true;
}

void follow_notice_path(struct follow *follow)
{
    if (!follow->look && !slow_is_due(follow))
        check_path_by_name(follow);
}

static int64_t earlier_ms(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Sleeps until an event comes, until until_ms, or until follow_wake is called. Returns true if it was an event. */
static bool sleep_for_event(struct follow *follow, int64_t until_ms)
{
    struct inotify_notice event;
    while (!wake_timer_called() && clock_running_ms() < until_ms) {
        switch (next_notice(follow, &event)) {
        case INOTIFY_EVENT:
            if (on_event(follow, &event))
                return true;
            break;
        case INOTIFY_FAILED: follow->look = true; return true;
        case INOTIFY_TIMEOUT:
            if (!is_slow(follow))
                return false;
            break;
        case INOTIFY_INTERRUPTED: break;
        }
        if (slow_is_due(follow))
            return true;
    }
    return false;
}

void follow_wait(struct follow *follow, int64_t deadline_ms)
{
    int64_t until_ms = INT64_MAX;

    if (follow->look || follow->news) {
        follow->news = false;
        return;
    }
    if (deadline_ms != INT64_MAX)
        until_ms = clock_running_ms() + deadline_ms - clock_now_ms();
    if (follow->recheck_ms > 0)
        until_ms = earlier_ms(until_ms, follow->recheck_at_ms);
    wake_timer_arm(until_ms);
    if (!sleep_for_event(follow, until_ms))
        check_path_by_name(follow);
    wake_timer_disarm();
    if (follow->recheck_ms > 0 && clock_running_ms() >= follow->recheck_at_ms)
        plan_recheck(follow, follow->recheck_ms < RECHECK_LAST_MS ? follow->recheck_ms * RECHECK_FACTOR : 0);
}
