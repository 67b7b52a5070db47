/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <inttypes.h>

/*
 * Why a cycle is slow: one table (its volume, its fragmentation) or all of them (network, memory, the machine); and whether rows
 * rose in proportion, which makes it a volume spike.
 */

static const double much = 3; /* times the usual duration */
static const double in_proportion =
    6; /* rows rose this little less than the duration: the volume's daily swing lies between */

struct suspect {
    const struct table *table;
    double longer; /* times the usual */
    double more;   /* rows, likewise; 0 if not known */
};

static int64_t spent_ms(const struct engine *engine, const struct table *table)
{
    const struct model *model = &engine->model;
    bool running = model->run_open && model->run_table == (int64_t)table_index(engine, table);
    return running ? engine->clock_ms - model->run.started_ms - model->suspended_ms : table->spent_ms;
}

static struct suspect examine(const struct engine *engine, const struct table *table)
{
    struct suspect suspect = { .table = table };
    size_t runs = window_newest(&table->durations, INT64_MIN, SIZE_MAX);
    size_t counts = window_newest(&table->rows, INT64_MIN, SIZE_MAX);
    double usual_ms = window_median(&table->durations, runs), usual_rows = window_median(&table->rows, counts);
    bool running = engine->model.run_open && engine->model.run_table == (int64_t)table_index(engine, table);
    if ((int64_t)runs >= engine->settings.detect.min_samples && usual_ms > 0)
        suspect.longer = (double)spent_ms(engine, table) / usual_ms;
    if (!running && table->moved > 0 && usual_rows > 0)
        suspect.more = (double)table->moved / usual_rows;
    return suspect;
}

static bool rows_explain(const struct suspect *suspect)
{
    return suspect->more > 2 && suspect->more * in_proportion > suspect->longer;
}

static void say_one(const struct suspect *worst, const struct engine *engine, struct strbuf *cause)
{
    const struct table *table = worst->table;
    if (rows_explain(worst))
        strbuf_printf(cause, "volume spike: %s moved %" PRId64 " rows, %.0f times the usual", table->name, table->moved,
                      worst->more);
    else
        strbuf_printf(cause, "one table is slow: %s", table->name);
    strbuf_puts(cause, " (");
    describe_duration(spent_ms(engine, table), cause);
    strbuf_printf(cause, ", %.0f times the usual)", worst->longer);
}

const char *slow_cause(const struct engine *engine, struct strbuf *cause)
{
    struct suspect worst = { 0 };
    size_t reached = 0, slow = 0, spiked = 0;
    for (size_t i = 0; i < engine->table_count; i++) {
        if (engine->tables[i].last_cycle_id != engine->model.cycle.id)
            continue;
        struct suspect suspect = examine(engine, &engine->tables[i]);
        reached++;
        slow += suspect.longer > much;
        spiked += suspect.longer > much && rows_explain(&suspect);
        if (suspect.longer > worst.longer)
            worst = suspect;
    }
    if (slow == 0 || !worst.table)
        return "3";
    if (slow == 1)
        say_one(&worst, engine, cause);
    else if (spiked == slow)
        strbuf_printf(cause, "volume spike in %zu tables", slow);
    else
        strbuf_printf(cause, "%zu of %zu tables are slow: look at the network and the machine's resources", slow,
                      reached);
    return spiked ? "3/1" : slow == 1 ? "3" : "3/2";
}

void slow_learn_runs(struct engine *engine)
{
    for (size_t i = 0; i < engine->table_count; i++) {
        struct table *table = &engine->tables[i];
        /* A run that was broken off neither failed nor tells how long one takes. */
        bool succeeded = !table->last_failed && table->last_success_ms >= engine->model.cycle.started_ms;
        if (table->last_cycle_id != engine->model.cycle.id || !succeeded)
            continue;
        window_push(&table->durations, engine->clock_ms, table->spent_ms);
        if (table->moved >= 0)
            window_push(&table->rows, engine->clock_ms, table->moved);
    }
}
