/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "event.h"
#include "watermark.h"

/*
 * Whether what stands in the watermark table is of the run that has just ended. The platform's job (docker/offload/watermark_pg.py there)
 * writes the row when it begins (status running), and at its end: success, with the rows and failure_count = 0, or failed, with the text and
 * failure_count one higher. A success leaves the text of an old failure where it is, and a job that is killed leaves the row at "running".
 *
 * So a row is of this run if it was written since the run began. Both ages are taken on one clock each, the row's on the server's and the
 * run's on this host's, so that the two clocks need not agree. A second is allowed for the log's rounding. Where the answer has no
 * updated_at, a failure_count that is higher than before the run tells the same.
 */
enum { AGES_DIFFER_MS = 1000 };

static bool is_within_run(int64_t age_ms, struct watermark_run run)
{
    return age_ms >= 0 && age_ms <= run.age_ms + AGES_DIFFER_MS;
}

static bool has_status(const struct watermark_row *row, const char *status)
{
    return row->status && strcmp(row->status, status) == 0;
}

int64_t watermark_rows_of_run(const struct watermark_row *row, const struct watermark_look *before,
                              struct watermark_run run)
{
    bool is_of_run = is_within_run(row->succeeded_age_ms, run) ||
                     (has_status(row, "success") && is_within_run(row->updated_age_ms, run));
    if (run.failed)
        return ROWS_NOT_KNOWN;
    if (is_of_run && row->rows >= 0)
        return row->rows;
    /* The run left the number of an earlier one. Whether it moved the watermark is seen all the same. */
    if (!before->is_known || before->watermark_ms == 0 || row->watermark_ms == 0)
        return ROWS_NOT_KNOWN;
    return row->watermark_ms > before->watermark_ms ? ROWS_WITHOUT_NUMBER : 0;
}

const char *watermark_error_of_run(const struct watermark_row *row, const struct watermark_look *before,
                                   struct watermark_run run)
{
    bool is_of_run = row->updated_age_ms >= 0
                         ? is_within_run(row->updated_age_ms, run)
                         : before->is_known && before->failures >= 0 && row->failures > before->failures;
    bool says_failed = row->status ? has_status(row, "failed") : row->failures > 0;
    return run.failed && is_of_run && says_failed ? row->error : NULL;
}
