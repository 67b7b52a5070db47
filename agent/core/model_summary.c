/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

/*
 * A failure that only the summary knows is a failure of a table whose line was not understood: of a name or a mark that no pattern takes,
 * of a line that a writer's 8-bit locale swallowed, or of one whose success was forged. One table stands in for all of these, and the
 * detectors judge its failures by the rules for any table.
 */

static void hidden_failure(struct model *model, const char *words)
{
    struct table *table = tables_make_stand_in(model->tables, model->moment->now_ms);
    if (!table)
        return;
    if (!table->last_success_ms)
        table->last_success_ms = model->summary.open_ms;
    table_set_error(table, slice_of(words));
    table_note_failure(table, summary_hides_timeouts_only(&model->summary));
    model_tell_fact(model, &(struct fact){ .kind = FACT_RUN_FAILED, .table = table });
}

static void nothing_hidden(const struct model *model)
{
    struct table *table = tables_stand_in(model->tables);
    if (!table)
        return;
    table_forget_failures(table);
    model_tell_fact(model, &(struct fact){ .kind = FACT_RUN_SUCCEEDED, .table = table, .rows = -1 });
    table->last_success_ms = model->moment->now_ms;
    table->slept_ms = 0;
}

void model_judge_summary(struct model *model)
{
    struct strbuf words = { 0 };
    summary_describe(&model->summary, &words);
    if (summary_correct(&model->summary, &model->cycle)) {
        model->cycle.outcome = model_outcome(&model->cycle);
        model_tell_cycle(model);
    }
    if (summary_hidden_failures(&model->summary) > 0)
        hidden_failure(model, strbuf_text(&words));
    else
        nothing_hidden(model);
    model_tell_fact(model, &(struct fact){ .kind = FACT_CYCLE_SUMMARY });
    strbuf_free(&words);
}
