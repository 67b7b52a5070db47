/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/say.h"
#include "commands.h"

enum annotate_option { OPTION_CAUSE, OPTION_DEVIATIONS, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_CAUSE] = { "cause", "TEXT", "the root cause" },
    [OPTION_DEVIATIONS] = { "deviations", "TEXT", "where and why the runbook was not followed" },
};

const struct arguments annotate_arguments = { "ID [--cause TEXT] [--deviations TEXT]", specs, OPTIONS,
                                              .operands_most = 1 };

/* NULL keeps what was written before. */
static int annotate_write(sqlite3 *db, int64_t id, const char *cause, const char *deviations)
{
    sqlite3_stmt *statement = NULL;
    int code = EXIT_FAILED;
    static const char sql[] = "UPDATE incident SET cause = coalesce(?2, cause), deviations = coalesce(?3, deviations)"
                              " WHERE id = ?1";
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (result == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_text(statement, 2, cause, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 3, deviations, -1, SQLITE_STATIC);
        result = sqlite3_step(statement);
    }
    if (result != SQLITE_DONE)
        say_error("annotate: incident %" PRId64 ": %s", id, sqlite3_errmsg(db));
    else if (sqlite3_changes(db) == 0)
        say_error("annotate: no incident %" PRId64 " (agent incidents lists them)", id);
    else
        code = EXIT_OK;
    sqlite3_finalize(statement);
    return code;
}

int command_annotate(struct options *options)
{
    const char *cause = options->values[OPTION_CAUSE], *deviations = options->values[OPTION_DEVIATIONS];
    sqlite3 *db = NULL;
    int64_t id;

    if (options->operand_count == 0 || !options_number(options->operands[0], 1, &id)) {
        say_error("annotate: which incident? agent annotate ID --cause TEXT");
        return EXIT_USAGE;
    }
    if (!cause && !deviations) {
        say_error("annotate: nothing to write: --cause TEXT or --deviations TEXT");
        return EXIT_USAGE;
    }
    int code = options_history(options, HISTORY_EDIT, &db);
    if (code == EXIT_OK)
        code = annotate_write(db, id, cause, deviations);
    if (code == EXIT_OK)
        printf("incident %" PRId64 " annotated\n", id);
    sqlite3_close(db);
    return code;
}
