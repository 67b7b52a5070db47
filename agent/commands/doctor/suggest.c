/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/utf8.h"
#include "config_keys.h"
#include "doctor.h"
#include "witness.h"

/* `agent doctor --suggest`: sections for what is found on this host. Nothing of it is used before a person has pasted it. */

/* What listens on loopback, by the port that it usually has, and the question that shows that it is what is expected there. */
static const struct service {
    const char *probe, *question;
} services[] = {
    { "clickhouse", "http://127.0.0.1:8123/ping" },
    { "postgres", "tcp://127.0.0.1:5432" },
    { "prometheus", "http://127.0.0.1:9090/-/ready" },
    { "grafana", "http://127.0.0.1:3000/api/health" },
};
enum { LOG_END_BYTES = 128 * 1024 };
enum { SERVICES = sizeof services / sizeof services[0] };

static const char metrics_question[] = "http://127.0.0.1:8000/metrics";
static const char default_unit[] = "iceberg-offload-scheduler.service";

struct suggestion {
    const struct config *config;
    struct strbuf *out;
    bool probed[SERVICES + 1]; /* spark has no port, and is the last */
    char *last_name;           /* of the container before; owned */
    char *warehouse;           /* owned; NULL: none yet */
    bool docker;
};
enum { SPARK = SERVICES };

static bool suggest_key_exists(const char *section, const char *name)
{
    size_t count;
    const struct config_key *all = config_keys(&count);
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found = found || (strcmp(all[i].section, section) == 0 && strcmp(all[i].name, name) == 0);
    return found;
}

/* Whether a value can stand in the configuration as it is, whoever wrote it. */
static bool suggest_is_plain(const char *value)
{
    struct slice rest = slice_of(value);
    bool plain = rest.len > 0 && value[0] != ' ' && value[rest.len - 1] != ' ';
    while (plain && rest.len > 0) {
        uint32_t point = 0;
        size_t step = utf8_decode(rest, &point);
        plain = step > 0 && !utf8_needs_escape(point) && !strchr(";#\"'\\~$", (int)(point < 128 ? point : 'a'));
        rest = (struct slice){ rest.at + step, rest.len - step };
    }
    return plain;
}

/* "[probe NAME]", a key and its value. What cannot stand there as it is becomes a comment. */
static void suggest_put(struct suggestion *to, const char *section, const char *name, const char *key,
                        const char *value)
{
    bool plain = suggest_is_plain(value) && suggest_key_exists(section, key);
    strbuf_printf(to->out, "\n%s[%s%s%s]\n%s%s = ", plain ? "" : "# ", section, *name ? " " : "", name,
                  plain ? "" : "# ", key);
    text_add_visible(to->out, value, strlen(value));
    strbuf_puts(to->out, "\n");
}

static void suggest_comment(struct suggestion *to, const char *words, const char *value)
{
    strbuf_printf(to->out, "\n# %s", words);
    text_add_visible(to->out, value, strlen(value));
    strbuf_puts(to->out, "\n");
}

static bool has_probe(const struct config *config, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < config->probe_count; i++)
        found = found || strcmp(config->probes[i].name, name) == 0;
    return found;
}

/* --- what listens on loopback --------------------------------------------------------------------------------- */

static void suggest_service(struct suggestion *to, size_t service)
{
    to->probed[service] = true;
    if (!has_probe(to->config, services[service].probe))
        suggest_put(to, "probe", services[service].probe, "url", services[service].question);
    if (strcmp(services[service].probe, "clickhouse") == 0 && !to->config->source_url)
        suggest_put(to, "source", "", "url", "http://127.0.0.1:8123/");
    if (strcmp(services[service].probe, "postgres") == 0)
        strbuf_puts(to->out,
                    "\n# PostgreSQL answers: with its database, user and password the watermark table can be asked.\n");
}

static void suggest_services(struct suggestion *to)
{
    char *urls[SERVICES], *names[SERVICES], metrics[sizeof metrics_question];
    struct probe_config wanted[SERVICES] = { 0 };
    for (size_t i = 0; i < SERVICES; i++) {
        urls[i] = must_copy(services[i].question, strlen(services[i].question));
        names[i] = must_copy(services[i].probe, strlen(services[i].probe));
        wanted[i] = (struct probe_config){ .name = names[i], .url = urls[i], .timeout_ms = 3000 };
    }
    memcpy(metrics, metrics_question, sizeof metrics);
    struct config config = { .probes = wanted, .probe_count = SERVICES, .metrics_url = metrics };
    struct probes *probes = probes_open(&config);
    probes_ask(probes);
    for (size_t i = 0; i < SERVICES; i++)
        if (probes_answer(probes, i)->state == PROBE_UP)
            suggest_service(to, i);
    if (probes_answer(probes, SERVICES)->state == PROBE_UP && !to->config->metrics_url)
        suggest_put(to, "metrics", "", "url", metrics_question);
    probes_close(probes);
    for (size_t i = 0; i < SERVICES; i++) {
        free(urls[i]);
        free(names[i]);
    }
}

/* --- what Docker knows ---------------------------------------------------------------------------------------- */

static bool looks_like(const struct container_found *container, const char *word)
{
    return strstr(container->name, word) || strstr(container->image, word);
}

/* A probe of the port is better than one of the container, since the service needs no right for it. */
static void suggest_container(struct suggestion *to, const struct container_found *container)
{
    static const struct {
        const char *word, *probe;
        size_t index;
    } kinds[] = { { "clickhouse", "clickhouse", 0 }, { "postgres", "postgres", 1 }, { "spark", "spark", SPARK } };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!looks_like(container, kinds[i].word))
            continue;
        if (to->probed[kinds[i].index] || has_probe(to->config, kinds[i].probe)) {
            suggest_comment(to, "Its container, or another one of that kind: container = ", container->name);
        } else {
            to->probed[kinds[i].index] = to->docker = true;
            suggest_put(to, "probe", kinds[i].probe, "container", container->name);
        }
        return;
    }
}

static bool suggest_ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void suggest_from_docker(void *ctx, const struct container_found *container)
{
    struct suggestion *to = ctx;
    bool is_warehouse =
        suggest_ends_with(container->folder, "/warehouse") || suggest_ends_with(container->seen_as, "/warehouse");
    if (!to->last_name || strcmp(to->last_name, container->name) != 0) {
        free(to->last_name);
        to->last_name = must_copy(container->name, strlen(container->name));
        suggest_container(to, container);
    }
    if (!is_warehouse || to->config->iceberg_warehouse ||
        (to->warehouse && strcmp(to->warehouse, container->folder) == 0))
        return;
    if (!to->warehouse && suggest_is_plain(container->folder)) {
        suggest_put(to, "iceberg", "", "warehouse", container->folder);
        to->warehouse = must_copy(container->folder, strlen(container->folder));
    } else {
        suggest_comment(to, "Another folder of that kind: warehouse = ", container->folder);
    }
}

/* --- how the log is wrapped ----------------------------------------------------------------------------------- */

/* The format of the last whole line of the log that is configured. */
static enum frame_format suggest_look_at_log(const char *path)
{
    enum frame_format found = FRAME_PLAIN;
    char *text = must_alloc(LOG_END_BYTES);
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        ssize_t len = pread(fd, text, LOG_END_BYTES, st.st_size > LOG_END_BYTES ? st.st_size - LOG_END_BYTES : 0);
        const char *end = len > 0 ? memrchr(text, '\n', (size_t)len) : NULL;
        const char *before = end ? memrchr(text, '\n', (size_t)(end - text)) : NULL;
        const char *line = before ? before + 1 : text;
        if (end)
            found = frame_guess((struct slice){ line, (size_t)(end - line) });
    }
    if (fd >= 0)
        close(fd);
    free(text);
    return found;
}

static void suggest_log_format(struct suggestion *to)
{
    enum frame_format found = suggest_look_at_log(to->config->log_path);
    if (found != FRAME_PLAIN && found != to->config->log_format)
        suggest_put(to, "log", "", "format", frame_format_name(found));
}

/* --- what systemd would start --------------------------------------------------------------------------------- */

/* A unit of the scheduler by another name than the one that is asked anyway. */
static bool is_scheduler_unit(const char *name)
{
    return strstr(name, "offload") && suggest_ends_with(name, ".service") && strcmp(name, default_unit) != 0 &&
           strncmp(name, "iceberg-offload-agent", strlen("iceberg-offload-agent")) != 0;
}

static void suggest_unit(struct suggestion *to)
{
    DIR *units = opendir("/etc/systemd/system");
    for (struct dirent *entry; units && (entry = readdir(units)) != NULL;)
        if (is_scheduler_unit(entry->d_name)) {
            suggest_put(to, "scheduler", "", "unit", entry->d_name);
            break;
        }
    if (units)
        closedir(units);
}

/* -------------------------------------------------------------------------------------------------------------- */

void doctor_suggest(const struct config *config, struct strbuf *out)
{
    struct suggestion to = { .config = config, .out = out };
    struct strbuf why = { 0 };
    strbuf_puts(out,
                "# Found on this host, and not configured yet. Nothing of it is used until you have put it into\n# ");
    text_add_visible(out, config->path ? config->path : "the configuration",
                     strlen(config->path ? config->path : "the configuration"));
    strbuf_puts(out, ".\n");
    size_t before = out->len;
    suggest_log_format(&to);
    suggest_unit(&to);
    suggest_services(&to);
    if (!docker_list(suggest_from_docker, &to, &why))
        strbuf_printf(out, "\n# Docker cannot be asked for containers: %s.\n", strbuf_text(&why));
    if (out->len == before)
        strbuf_puts(out, "\n# Nothing was found.\n");
    struct witness_needs needs = { .warehouse = to.warehouse, .docker = to.docker };
    struct strbuf lines = { 0 };
    if (drop_in_lines(&needs, "\n#   ", &lines))
        strbuf_printf(
            out, "\n# The service may read that only with a drop-in (sudo systemctl edit iceberg-offload-agent):%s\n",
            strbuf_text(&lines));
    strbuf_free(&lines);
    strbuf_free(&why);
    free(to.last_name);
    free(to.warehouse);
}
