/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

/* What failures say, and where the runbooks then send you: "runbook/scenario". The first row that fits is it. */

#define ASK_CLICKHOUSE "docker exec k2-clickhouse clickhouse-client -q \"SELECT 1\""
#define ASK_SPARK "docker ps -a --filter name=k2-spark-iceberg"
#define ASK_SPARK_MEMORY "docker stats --no-stream k2-spark-iceberg"
#define ASK_WATERMARKS                                                                                                 \
    "docker exec k2-prefect-db psql -U prefect -d prefect -c "                                                         \
    "\"SELECT * FROM offload_watermarks ORDER BY created_at DESC LIMIT 5\""
#define ASK_POSTGRESQL "docker exec k2-prefect-db psql -U prefect -d prefect -c \"\\dt\""
#define ASK_SCHEDULER "systemctl status iceberg-offload-scheduler"

enum { EXIT_KILLED = 137 }; /* 128 + SIGKILL: the kernel's or Docker's memory limit */

static const struct {
    const char *text;
    struct cause cause;
} clues[] = {
    { "No such file or directory: 'docker'", { "the scheduler cannot find docker", "5", ASK_SCHEDULER } },
    { "No such container", { "the Spark container is missing", "1/3", ASK_SPARK } },
    { "is not running", { "the Spark container is not running", "1/3", ASK_SPARK } },
    { "OutOfMemoryError", { "Spark ran out of memory", "1/3", ASK_SPARK_MEMORY } },
    { "duplicate key", { "the watermark table may be corrupt (duplicate key)", "1/4", ASK_WATERMARKS } },
    { "constraint", { "the watermark table may be corrupt (constraint)", "1/4", ASK_WATERMARKS } },
    { "psycopg2", { "PostgreSQL unreachable", "4/2", ASK_POSTGRESQL } },
    { "could not connect to server", { "PostgreSQL unreachable", "4/2", ASK_POSTGRESQL } },
    { "PostgreSQL", { "PostgreSQL trouble", "4/2", ASK_POSTGRESQL } },
    { "Connection refused", { "ClickHouse unreachable (connection refused)", "1/2", ASK_CLICKHOUSE } },
    { "SQLException", { "ClickHouse refused the query", "1/2", ASK_CLICKHOUSE } },
    { "JDBC", { "ClickHouse unreachable (JDBC)", "1/2", ASK_CLICKHOUSE } },
    { "read from ClickHouse", { "ClickHouse cannot be read", "1/2", ASK_CLICKHOUSE } },
    { "timed out", { "a time-out", "1/5", ASK_CLICKHOUSE } },
    { "timeout", { "a time-out", "1/5", ASK_CLICKHOUSE } },
};

struct cause cause_of_failure(const char *text, int64_t exit_code, bool timed_out)
{
    if (timed_out)
        return (struct cause){ "timed out: too much data, or slow storage or queries", "1/5", ASK_CLICKHOUSE };
    for (size_t i = 0; text && i < sizeof clues / sizeof clues[0]; i++)
        if (strcasestr(text, clues[i].text))
            return clues[i].cause;
    if (exit_code == EXIT_KILLED)
        return (struct cause){ "the job was killed, most likely for its memory (exit code 137)", "1/3",
                               ASK_SPARK_MEMORY };
    return (struct cause){ NULL, "1", ASK_SCHEDULER };
}
