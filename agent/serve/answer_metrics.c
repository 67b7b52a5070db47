/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics: what the agent last wrote for node_exporter, or, where it writes no such file, the few of them that the history knows. The
 * counters are in the agent's memory only.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/commands/status/status.h"
#include "base/budgets.h"
#include "exposition.h"
#include "site.h"

/* False where it cannot be read, is no regular file or is longer than any that the agent writes. */
static bool read_textfile(const char *path, struct strbuf *out)
{
    char block[1 << 14];
    struct stat status;
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    size_t before = out->len;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        while ((got = read(fd, block, sizeof block)) > 0 && out->len - before <= SERVE_ANSWER_MAX_BYTES)
            strbuf_add(out, block, (size_t)got);
    close(fd);
    return got == 0;
}

static void put_gauge(const struct exposition *out, const char *name, const char *help, int64_t value)
{
    exposition_family(out, name, "gauge", help);
    exposition_number(out, name, NULL, value);
}

static void metrics_put_lags(const struct exposition *out, const struct status *status)
{
    if (status->lag_count == 0)
        return;
    exposition_family(out, "last_success_timestamp_seconds", "gauge", "When a table's last successful run ended.");
    for (size_t i = 0; i < status->lag_count; i++)
        if (status->lags[i].last_success_ms)
            exposition_seconds(out, "last_success_timestamp_seconds",
                               (struct metric_label[]){ { "table", status->lags[i].table }, { 0 } },
                               status->lags[i].last_success_ms);
}

static void put_known(const struct status *status, struct strbuf *text)
{
    const struct exposition out = { text, status->log_path ? status->log_path : "" };
    put_gauge(&out, "up", "Whether the agent runs: 0 after an orderly end.", status->agent == AGENT_RUNNING);
    if (status->alive_ms) {
        exposition_family(&out, "alive_timestamp_seconds", "gauge",
                          "When the agent wrote this: at most a minute ago while it lives.");
        exposition_seconds(&out, "alive_timestamp_seconds", NULL, status->alive_ms);
    }
    exposition_family(&out, "blind", "gauge", "Whether the agent sees, keeps or tells nothing, by reason.");
    for (int i = 0; i < BLIND_REASONS; i++)
        exposition_number(&out, "blind",
                          (struct metric_label[]){ { "reason", blind_reason_name((enum blind_reason)i) }, { 0 } },
                          status->blindness[i] != NULL);
    metrics_put_lags(&out, status);
}

void answer_metrics(const struct config *config, const struct status *status, struct strbuf *out)
{
    const char *path = config->metrics_textfile;
    strbuf_clear(out);
    if (path) {
        strbuf_puts(out, "# As the agent last wrote it into its text file (metrics.textfile).\n");
        if (read_textfile(path, out))
            return;
        strbuf_clear(out);
    }
    strbuf_puts(out, path ? "# The agent's text file cannot be read. " : "# No metrics.textfile is configured. ");
    strbuf_puts(out, status ? "This is what the history knows; it has no counters.\n" : "Neither can the history.\n");
    if (status)
        put_known(status, out);
}
