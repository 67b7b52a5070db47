/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <stdlib.h>

#include "row_archive.h"
#include "saved.h"

/* The model's part of the saved state. */

void cycle_row_archive(struct cycle *cycle, struct archive *archive)
{
    int outcome = (int)cycle->outcome;
    saved_count(archive, "cycle.id", &cycle->id);
    saved_i64(archive, "cycle.started", &cycle->started_ms);
    saved_i64(archive, "cycle.ended", &cycle->ended_ms);
    saved_i64(archive, "cycle.duration", &cycle->duration_ms);
    archive_enum(archive, "cycle.outcome", &outcome, CYCLE_OUTCOMES);
    archive_int(archive, "cycle.tables", &cycle->tables);
    archive_int(archive, "cycle.succeeded", &cycle->succeeded);
    archive_int(archive, "cycle.failed", &cycle->failed);
    archive_int(archive, "cycle.timed_out", &cycle->timed_out);
    saved_i64(archive, "cycle.rows", &cycle->rows);
    cycle->outcome = (enum cycle_outcome)outcome;
}

void run_row_archive(struct run *run, struct archive *archive)
{
    int outcome = (int)run->outcome;
    saved_count(archive, "run.id", &run->id);
    saved_count(archive, "run.cycle", &run->cycle_id);
    saved_i64(archive, "run.started", &run->started_ms);
    saved_i64(archive, "run.ended", &run->ended_ms);
    saved_i64(archive, "run.duration", &run->duration_ms);
    archive_enum(archive, "run.outcome", &outcome, RUN_OUTCOMES);
    saved_i64(archive, "run.rows", &run->rows);
    saved_i64(archive, "run.exit_code", &run->exit_code);
    run->outcome = (enum run_outcome)outcome;
}

void model_archive(struct model *model, struct archive *archive)
{
    struct run *run = &model->run;
    char *error = archive_loading(archive) ? NULL : must_copy(strbuf_text(&model->run_error), model->run_error.len);

    cycle_row_archive(&model->cycle, archive);
    run_row_archive(run, archive);
    archive_text(archive, "run.error", &error);
    saved_i64(archive, "run.table", &model->run_table);
    archive_bool(archive, "run.open", &model->run_open);
    saved_count(archive, "last_cycle", &model->last_cycle_id);
    saved_count(archive, "last_run", &model->last_run_id);
    saved_count(archive, "past_cycle", &model->past_cycle_id);
    saved_i64(archive, "started_tables", &model->started_tables);
    archive_bool(archive, "is_stopping", &model->is_stopping);
    saved_i64(archive, "sign", &model->sign_ms);
    saved_i64(archive, "slept", &model->slept_ms);
    saved_i64(archive, "paused", &model->paused_ms);
    summary_archive(&model->summary, archive);
    ledger_archive(&model->ledger, archive, model->tables->count);

    if (archive_loading(archive)) {
        model->tables->cycle_id = model->last_cycle_id;
        if (model->run_table < 0 || model->run_table >= (int64_t)model->tables->count)
            model->run_table = -1;
        model->run_open = model->run_open && model->run_table >= 0;
        run->table = model->run_table >= 0 ? model->tables->at[model->run_table].name : "";
        strbuf_clear(&model->run_error);
        strbuf_puts(&model->run_error, error ? error : "");
        run->error = model->run_error.len ? strbuf_text(&model->run_error) : NULL;
    }
    free(error);
}
