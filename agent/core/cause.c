/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cause.h"

#include <stddef.h>
#include <string.h>

/* What failures say, and the runbook and scenario that then apply ("1/2"). The first row whose text occurs decides. */

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
    { "No such file or directory: 'docker'",
      { "the scheduler cannot find docker", "5", ASK_SCHEDULER, "docker-missing" } },
    { "No such container", { "the Spark container is missing", "1/3", ASK_SPARK, "spark-container-missing" } },
    { "is not running", { "the Spark container is not running", "1/3", ASK_SPARK, "spark-container-down" } },
    { "OutOfMemoryError", { "Spark ran out of memory", "1/3", ASK_SPARK_MEMORY, "spark-memory" } },
    { "duplicate key",
      { "the watermark table may be corrupt (duplicate key)", "1/4", ASK_WATERMARKS, "watermark-corrupt" } },
    { "constraint", { "the watermark table may be corrupt (constraint)", "1/4", ASK_WATERMARKS, "watermark-corrupt" } },
    { "psycopg2", { "PostgreSQL unreachable", "4/2", ASK_POSTGRESQL, "postgres-unreachable" } },
    { "could not connect to server", { "PostgreSQL unreachable", "4/2", ASK_POSTGRESQL, "postgres-unreachable" } },
    { "PostgreSQL", { "PostgreSQL trouble", "4/2", ASK_POSTGRESQL, "postgres-trouble" } },
    { "Connection refused",
      { "ClickHouse unreachable (connection refused)", "1/2", ASK_CLICKHOUSE, "clickhouse-unreachable" } },
    { "SQLException", { "ClickHouse refused the query", "1/2", ASK_CLICKHOUSE, "clickhouse-query" } },
    { "JDBC", { "ClickHouse unreachable (JDBC)", "1/2", ASK_CLICKHOUSE, "clickhouse-unreachable" } },
    { "read from ClickHouse", { "ClickHouse cannot be read", "1/2", ASK_CLICKHOUSE, "clickhouse-query" } },
    { "timed out", { "a time-out", "1/5", ASK_CLICKHOUSE, "timeout" } },
    { "timeout", { "a time-out", "1/5", ASK_CLICKHOUSE, "timeout" } },
};

struct cause cause_of_failure(const char *text, int64_t exit_code, bool timed_out)
{
    if (timed_out)
        return (struct cause){ "timed out: too much data, or slow storage or queries", "1/5", ASK_CLICKHOUSE,
                               "timeout" };
    for (size_t i = 0; text && i < sizeof clues / sizeof clues[0]; i++)
        if (strcasestr(text, clues[i].text))
            return clues[i].cause;
    if (exit_code == EXIT_KILLED)
        return (struct cause){ "the job was killed, most likely for its memory (exit code 137)", "1/3",
                               ASK_SPARK_MEMORY, "spark-memory" };
    return (struct cause){ NULL, "1", ASK_SCHEDULER, NULL };
}

/* A state that an older agent saved has words and no id; the runbook's scenario is the next best. */
static bool is_old(const struct cause *cause)
{
    return !cause->id && cause->words && cause->scenario && strchr(cause->scenario, '/');
}

bool cause_is_known(const struct cause *cause)
{
    return cause->id || is_old(cause);
}

bool cause_differs(const struct cause *a, const struct cause *b)
{
    if (a->id && b->id)
        return strcmp(a->id, b->id) != 0;
    return cause_is_known(a) && cause_is_known(b) && a->scenario && b->scenario &&
           strcmp(a->scenario, b->scenario) != 0;
}

/* --- components that probes ask ------------------------------------------------------------------------------ */

enum { NAME_MOST = 128 };

/* Names that people give to components, with the runbooks' scenarios of their failures. The first word that occurs decides. */
static const struct component {
    const char *word;
    const char *scenarios; /* blank-separated, or "" where no failure speaks of it */
} components[] = {
    { "clickhouse", "1/2" },     { "spark", "1/3" }, { "postgres", "1/4 4/2" },
    { "prefect-db", "1/4 4/2" }, { "prefect", "" },
};

static const struct component *component_named(struct slice name)
{
    char text[NAME_MOST];
    size_t len = name.len < sizeof text - 1 ? name.len : sizeof text - 1;
    memcpy(text, name.len ? name.at : "", len);
    text[len] = '\0';
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++)
        if (strcasestr(text, components[i].word))
            return &components[i];
    return NULL;
}

static bool any_names(const char *scenario)
{
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++)
        if (strstr(components[i].scenarios, scenario))
            return true;
    return false;
}

bool component_explains(struct slice name, const char *scenario)
{
    const struct component *component = component_named(name);
    if (!component || !scenario || !strchr(scenario, '/') || !any_names(scenario))
        return true;
    return strstr(component->scenarios, scenario) != NULL;
}
