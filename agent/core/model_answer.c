/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"
#include "units.h"

/* What witnesses answer about a run that has succeeded. It comes a moment after the run's last line, and often after its cycle. */

enum { AHEAD_MOST_MS = DAY_MS }; /* a watermark that lies further in the future says nothing */

static void tell_answer(const struct model *model, const struct table *table, const struct event *event,
                        enum rows_from rows_from)
{
    struct strbuf witness = { 0 };
    int64_t wall_ms = moment_now_wall_ms(model->moment);
    bool has_watermark = event->at_ms > 0 && event->at_ms <= wall_ms + AHEAD_MOST_MS;
    strbuf_add(&witness, event->text.at, event->text.len);
    model->sink.answer(model->sink.ctx, &(struct run_answer){
                                            .run_id = table->success_run_id,
                                            .table = table->name,
                                            .witness = witness.len ? strbuf_text(&witness) : NULL,
                                            .rows = event->number,
                                            .rows_from = rows_from,
                                            .watermark_ms = has_watermark ? event->at_ms : 0,
                                            .ahead_ms = event->duration_ms,
                                            .at_ms = model->moment->now_ms,
                                        });
    strbuf_free(&witness);
}

/* The rows of the newest cycle, as far as the log does not tell them. */
static void count_in_cycle(struct model *model, const struct table *table, int64_t rows)
{
    if (rows <= 0 || table->success_cycle_id == 0 || table->success_cycle_id != model->cycle.id)
        return;
    model->cycle.rows = time_sum(model->cycle.rows, rows);
    model->sink.cycle(model->sink.ctx, &model->cycle);
}

static bool says_anything(const struct event *event)
{
    return event->number != ROWS_NOT_KNOWN || event->at_ms > 0 || event->duration_ms >= 0;
}

void model_take_answer(struct model *model)
{
    const struct event *event = model->moment->event;
    struct table *table = tables_find(model->tables, event->table);
    bool is_known = table && table->success_run_id && !table->last_failed; /* which run it is about */
    bool is_news = is_known && table->moved <= 0 && event->number >= 0;
    if (is_news) {
        count_in_cycle(model, table, event->number - (table->counted > 0 ? table->counted : 0));
        tables_count_rows(model->tables, table, event->number, model->moment->now_ms);
    }
    if (is_known && says_anything(event))
        tell_answer(model, table, event, is_news ? event->rows_from : ROWS_FROM_LOG);
    model->sink.fact(model->sink.fact_ctx, &(struct fact){ .kind = FACT_EVENT });
    if (is_news && table_is_learnt(table))
        model->sink.fact(model->sink.fact_ctx,
                         &(struct fact){ .kind = FACT_ROWS_COUNTED, .table = table, .rows = event->number });
}
