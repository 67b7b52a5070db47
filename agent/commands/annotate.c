/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/commands/show/query.h"
#include "base/say.h"
#include "options.h"
#include "reader.h"

enum annotate_option { OPTION_CAUSE, OPTION_DEVIATIONS, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_CAUSE] = { "cause", "TEXT", "the root cause" },
    [OPTION_DEVIATIONS] = { "deviations", "TEXT", "where and why the runbook was not followed" },
};

const struct option_table annotate_options = { specs, OPTIONS };

/* Absent notes keep what was written before. */
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

static int annotate(const struct options *options, int64_t id)
{
    struct config *config = options_config(options);
    struct strbuf error = { 0 };
    sqlite3 *db = NULL;
    int code = EXIT_USAGE;
    if (!config)
        goto cleanup;
    code = EXIT_FAILED;
    db = editor_open(config->history_db, &error);
    if (!db)
        say_error("annotate: %s", strbuf_text(&error));
    else
        code = annotate_write(db, id, options->values[OPTION_CAUSE], options->values[OPTION_DEVIATIONS]);
    if (code == EXIT_OK)
        printf("incident %" PRId64 " annotated\n", id);
cleanup:
    sqlite3_close(db);
    strbuf_free(&error);
    config_free(config);
    return code;
}

int command_annotate(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, argc, argv, specs, OPTIONS);
    if (code >= 0)
        return code;
    code = EXIT_USAGE;
    char *end = NULL;
    errno = 0;
    int64_t id = options.operand_count == 1 ? strtoll(options.operands[0], &end, 10) : 0;
    if (!end || errno || *end != '\0' || id <= 0)
        say_error("annotate: which incident? agent annotate ID --cause TEXT");
    else if (!options.values[OPTION_CAUSE] && !options.values[OPTION_DEVIATIONS])
        say_error("annotate: nothing to write: --cause TEXT or --deviations TEXT");
    else
        code = annotate(&options, id);
    options_free(&options);
    return code;
}
