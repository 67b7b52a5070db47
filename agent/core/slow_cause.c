/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>

/*
 * Why a cycle is slow: one table (its volume, its fragmentation) or all of them (network, memory, the machine). If the rows rose in
 * proportion, it is a volume spike.
 */

static const double much = 3; /* times the usual duration */
/* Rows that rose at least a sixth as much as the duration rose in proportion: the volume's daily swing lies between. */
static const double in_proportion = 6;

struct suspect {
    const struct table *table;
    double longer; /* times the usual */
    double more;   /* rows, likewise; 0 if not known */
};

static int64_t spent_ms(const struct context *context, const struct table *table)
{
    const struct model *model = context->model;
    int64_t since_ms = model_running_since(model, table);
    return since_ms ? context->moment->now_ms - since_ms - model->slept_ms : table->spent_ms;
}

static struct suspect examine(const struct context *context, const struct table *table)
{
    struct suspect suspect = { .table = table };
    size_t runs = run_window_newest(&table->durations);
    double usual_ms = run_window_median(&table->durations), usual_rows = run_window_median(&table->rows);
    if ((int64_t)runs >= context->settings->detect.min_samples && usual_ms > 0)
        suspect.longer = (double)spent_ms(context, table) / usual_ms;
    if (!model_is_running(context->model, table) && table_moved(table) > 0 && usual_rows > 0)
        suspect.more = (double)table_moved(table) / usual_rows;
    return suspect;
}

static bool rows_explain(const struct suspect *suspect)
{
    return suspect->more > 2 && suspect->more * in_proportion > suspect->longer;
}

static void say_one(const struct suspect *worst, const struct context *context, struct strbuf *words)
{
    const struct table *table = worst->table;
    if (rows_explain(worst))
        strbuf_printf(words, "volume spike: %s moved %" PRId64 " rows, %.0f times the usual", table->name,
                      table_moved(table), worst->more);
    else
        strbuf_printf(words, "one table is slow: %s", table->name);
    strbuf_puts(words, " (");
    duration_words(spent_ms(context, table), words);
    strbuf_printf(words, ", %.0f times the usual)", worst->longer);
}

const char *slow_cause(const struct context *context, struct strbuf *words)
{
    struct suspect worst = { 0 };
    size_t reached = 0, slow = 0, spiked = 0;
    for (size_t i = 0; i < context->tables->count; i++) {
        if (context->tables->at[i].last_cycle_id != context->model->cycle.id)
            continue;
        struct suspect suspect = examine(context, &context->tables->at[i]);
        reached++;
        slow += suspect.longer > much;
        spiked += suspect.longer > much && rows_explain(&suspect);
        if (suspect.longer > worst.longer)
            worst = suspect;
    }
    if (slow == 0 || !worst.table)
        return "slow";
    if (slow == 1)
        say_one(&worst, context, words);
    else if (spiked == slow)
        strbuf_printf(words, "volume spike in %zu tables", slow);
    else
        strbuf_printf(words, "%zu of %zu tables are slow: look at the network and the machine's resources", slow,
                      reached);
    return spiked ? "slow-volume" : slow == 1 ? "slow" : "slow-resources";
}
