/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "window.h"

#include <stdlib.h>
#include <string.h>

#include "saved.h"
#include "statistics.h"

/* So much of the room more is held, and moved out at once when that is full. */
enum { ROOM_SHARE = 6 };

void window_init(struct window *window, size_t room)
{
    *window = (struct window){ .room = room };
}

void window_free(struct window *window)
{
    free(window->at_ms);
    free(window->values);
    window_init(window, window->room);
}

static void window_grow(struct window *window, size_t allocated)
{
    window->at_ms = must_grow(window->at_ms, allocated, sizeof *window->at_ms);
    window->values = must_grow(window->values, allocated, sizeof *window->values);
    window->allocated = allocated;
}

void window_push(struct window *window, int64_t at_ms, int64_t value)
{
    size_t most = window->room + window->room / ROOM_SHARE;
    if (window->count == most) {
        size_t kept = window->room - 1;
        memmove(window->at_ms, window->at_ms + window->count - kept, kept * sizeof *window->at_ms);
        memmove(window->values, window->values + window->count - kept, kept * sizeof *window->values);
        window->count = kept;
    } else if (window->count == window->allocated) {
        window_grow(window, window->count < most / 2 ? 2 * window->count + 1 : most);
    }
    window->at_ms[window->count] = at_ms;
    window->values[window->count] = value;
    window->count++;
}

size_t window_newest(const struct window *window, int64_t since_ms, size_t most)
{
    if (most > window->room)
        most = window->room;
    if (most > window->count)
        most = window->count;
    if (since_ms == INT64_MIN)
        return most;
    size_t newest = 0;
    while (newest < most && window->at_ms[window->count - 1 - newest] >= since_ms)
        newest++;
    return newest;
}

double window_median(const struct window *window, size_t newest)
{
    if (newest == 0)
        return 0;
    double *copy = must_alloc(newest * sizeof *copy);
    for (size_t i = 0; i < newest; i++)
        copy[i] = (double)window->values[window->count - newest + i];
    double median = median_of(copy, newest);
    free(copy);
    return median;
}

bool window_median_reaches(const struct window *window, size_t newest, double value)
{
    size_t reach = 0;
    for (size_t i = window->count - newest; i < window->count; i++)
        reach += (double)window->values[i] >= value;
    /* The side on which most values lie decides, and nothing is sorted. Only with half of them on either side the middle two must be found. */
    return newest % 2 || reach != newest / 2 ? reach > newest / 2
                                             : newest > 0 && window_median(window, newest) >= value;
}

/* Both lists are loaded beside the window, so that it gets no more memory than it needs. */
static void window_load(struct window *window, struct archive *archive, const char *times, const char *name)
{
    enum { USUAL_ROOM = 128 };
    int64_t usual[2 * USUAL_ROOM];
    int64_t *at_ms = window->room <= USUAL_ROOM ? usual : must_alloc(2 * window->room * sizeof *at_ms);
    int64_t *values = at_ms + window->room;
    size_t count = 0, times_count = 0;
    saved_rising(archive, times, at_ms, &times_count, window->room);
    saved_i64s(archive, name, values, &count, window->room);
    count = count < times_count ? count : times_count;
    if (count > window->allocated)
        window_grow(window, count < window->room / 2 ? 2 * count + 1 : window->room);
    window->count = count;
    if (count > 0) {
        memcpy(window->at_ms, at_ms, count * sizeof *at_ms);
        memcpy(window->values, values, count * sizeof *values);
    }
    if (at_ms != usual)
        free(at_ms);
}

void window_archive(struct window *window, struct archive *archive, const char *name)
{
    struct strbuf times = { 0 };
    strbuf_puts(&times, name);
    strbuf_puts(&times, ".at");
    /* Values beyond the room are not saved: the next time that the oldest are moved out, they go. */
    size_t skip = window->count > window->room ? window->count - window->room : 0;
    size_t count = window->count - skip;
    if (archive_loading(archive)) {
        window_load(window, archive, strbuf_text(&times), name);
    } else {
        saved_rising(archive, strbuf_text(&times), skip ? window->at_ms + skip : window->at_ms, &count, window->room);
        saved_i64s(archive, name, skip ? window->values + skip : window->values, &count, window->room);
    }
    strbuf_free(&times);
}
