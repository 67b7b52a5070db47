/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "moment.h"

#include <string.h>

#include "base/budgets.h"
#include "saved.h"

void moment_init(struct moment *moment)
{
    *moment = (struct moment){ .offset_count = 1 };
}

int64_t moment_past_wall_ms(const struct moment *moment, int64_t engine_ms)
{
    size_t i = moment->offset_count - 1;
    while (i > 0 && engine_ms < moment->from_ms[i])
        i--;
    return engine_ms + moment->offset_ms[i];
}

void moment_advance(struct moment *moment, int64_t engine_ms)
{
    if (engine_ms > LATEST_MS)
        engine_ms = LATEST_MS;
    if (engine_ms > moment->now_ms)
        moment->now_ms = engine_ms;
}

void moment_set_back(struct moment *moment, int64_t wall_ms)
{
    if (moment->from_ms[moment->offset_count - 1] == moment->now_ms) {
        moment->offset_count--; /* set back twice at one instant: the newer offset holds */
    } else if (moment->offset_count == OFFSETS_KEPT) {
        size_t bytes = (OFFSETS_KEPT - 1) * sizeof *moment->from_ms;
        memmove(moment->from_ms, moment->from_ms + 1, bytes);
        memmove(moment->offset_ms, moment->offset_ms + 1, bytes);
        moment->offset_count--;
    }
    moment->from_ms[moment->offset_count] = moment->now_ms;
    moment->offset_ms[moment->offset_count++] = wall_ms - moment->now_ms;
}

static bool is_plausible(const struct moment *moment)
{
    /* Each set-back lets the engine's time run ahead of the wall clock. So many ages of set-backs are not believed. */
    static const int64_t most_ms = 100 * EVENT_TIME_MAX_MS;
    bool plausible = moment->now_ms >= 0 && moment->now_ms <= most_ms && moment->offset_count > 0;
    for (size_t i = 0; i < moment->offset_count; i++)
        plausible = plausible && moment->offset_ms[i] >= -most_ms && moment->offset_ms[i] <= most_ms &&
                    moment->from_ms[i] <= moment->now_ms;
    return plausible;
}

bool moment_archive(struct moment *moment, struct archive *archive)
{
    size_t from_count = moment->offset_count, offset_count = moment->offset_count;
    saved_i64(archive, "clock", &moment->now_ms);
    saved_i64s(archive, "offsets.from", moment->from_ms, &from_count, OFFSETS_KEPT);
    saved_i64s(archive, "offsets", moment->offset_ms, &offset_count, OFFSETS_KEPT);
    moment->offset_count = from_count < offset_count ? from_count : offset_count;
    if (!archive_loading(archive) || is_plausible(moment))
        return true;
    moment_init(moment);
    return false;
}
