/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_H
#define WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "event.h"

/*
 * agent/witness: what others than the log say about the pipeline. A witness is any source beside the log; a probe is one configured
 * question to a component or to the scheduler's metrics page. The room talks to servers through libcurl and to Docker's socket, and reads
 * the metadata of Iceberg tables. It never holds up the thread that detects.
 */

enum probe_kind { PROBE_HTTP, PROBE_TCP, PROBE_CONTAINER, PROBE_METRICS };

enum probe_state {
    PROBE_UNKNOWN, /* it could not be asked, or its answer says nothing */
    PROBE_UP,
    PROBE_DOWN
};

/* What the metrics page says about a table. */
struct probe_metric {
    char *table;
    int64_t watermark_ms; /* Unix time; 0: not exported */
    int64_t lag_ms;       /* -1: not exported */
};

/* The latest answer to a probe. The words hold no secret, but parts of them may be written by anybody. */
struct probe_answer {
    const char *name; /* of the configuration's section, or "metrics page" */
    char *cause;      /* the cause that it explains when it is down; NULL: by its name */
    enum probe_kind kind;
    char *target; /* the URL with its secrets masked, or the container's name */
    enum probe_state state;
    struct strbuf words; /* "HTTP 200", "Connection refused", "exited, exit code 137, OOM-killed" */
    int64_t took_ms;
    int64_t restarts; /* Docker's count of the container's restarts, if restarts_known */
    bool restarts_known;
    struct probe_metric *metrics;
    size_t metric_count;
};

/* How a witness is, as `agent status`, the report and the metrics show it. */
enum witness_state {
    WITNESS_SILENT, /* it could not be asked, or its answer says nothing: a blind spot, and no incident by itself */
    WITNESS_WELL,
    WITNESS_TROUBLE /* what it watches is down or in trouble */
};

/* What a witness said last. The words hold no secret, but parts of them may be written by anybody. All is borrowed. */
struct witness_word {
    const char *name; /* "iceberg", "source", "watermark", "unit", "host", "prefect", METRICS_PAGE or a probe's name */
    enum witness_state state;
    const char *words; /* "HTTP 200", "Connection refused", "asked about bronze_trades: 3 snapshots, 1,200 rows" */
    int64_t at_ms;     /* when it was said (Unix time) */
};

/* The name of the container whose log is followed among the witnesses. */
#define WITNESS_CONTAINER "container"

/* What the log says of the pipeline's maintenance is shown among the witnesses, under this name. */
#define WITNESS_MAINTENANCE "maintenance"

/* The name of the scheduler's metrics page among the witnesses. */
#define METRICS_PAGE "metrics page"

const char *witness_state_name(enum witness_state state); /* "silent", "well", "trouble" */

/*
 * Calls name for each witness that is configured. Of these it is shown that they were not asked yet, and what was kept of others is removed;
 * a witness that needs no configuration is shown once it has said something.
 */
void witness_names(const struct config *config, void (*name)(void *ctx, const char *name), void *ctx);

/* Where answers go: events to the core, words to whoever shows them. */
struct witness_sink {
    void *ctx;
    void (*event)(void *ctx, const struct event *event);
    void (*word)(void *ctx, const struct witness_word *word); /* each answer, also one that is no news */
};

/* All configured probes. */
struct probes;

/* Copies what it needs of the configuration. Returns NULL where nothing is configured to be asked. */
struct probes *probes_open(const struct config *config);
void probes_close(struct probes *probes);

/* Asks all at once, without a proxy. Returns when each has answered or its timeout is over. */
void probes_ask(struct probes *probes);
/* Makes probes_ask return at once. May be called from any thread. */
void probes_stop(struct probes *probes);

size_t probes_count(const struct probes *probes); /* 0 for NULL */
const struct probe_answer *probes_answer(const struct probes *probes, size_t index);

const char *probe_state_name(enum probe_state state); /* "unknown", "up", "down" */

/*
 * The container whose log is followed ([log] container). A thread listens to Docker's events of it and asks how it is at each of them, so its
 * death and its next life are known at once. Docker names the log's file; where the agent may not read that, or the container's log driver keeps
 * none, the thread takes the log stream of Docker's API into a file of the agent's own, which is then the log (container.log beside the
 * history, CRI's frames).
 */
enum container_state {
    CONTAINER_UNKNOWN, /* Docker cannot be asked, or not yet */
    CONTAINER_MISSING, /* Docker knows no container of this name */
    CONTAINER_STOPPED, /* also: it waits to be started again */
    CONTAINER_RUNS
};

struct container_watch;

/* What is known of it now. Zero-initialise it, and free it with container_told_free. */
struct container_told {
    enum container_state state;
    struct strbuf words; /* "running", "exited, exit code 137, OOM-killed", "Docker cannot be asked: ..." */
    struct strbuf path;  /* of the log; empty: not known yet */
    bool is_own_file;    /* the log is the agent's own file, of CRI's frames; else it has Docker's */
    int64_t deaths;      /* how often it died since container_open, also if it runs again by now */
};
void container_told_free(struct container_told *told);

/* NULL where no container is configured. wake is called from the thread when something changed. */
struct container_watch *container_open(const struct config *config, void (*wake)(void));
/* Ends the thread, or leaves it behind after half a second. wake is not called any more. NULL is allowed. */
void container_close(struct container_watch *watch);
/* Copies what is known now. Returns false, and copies nothing, if that is what the last call copied. */
bool container_take(struct container_watch *watch, struct container_told *told);

/*
 * Asks once about the configured container, and waits for the answer, 3 s at most. The path is Docker's, whether or not it may be read. Returns
 * false if Docker cannot be asked; the words say why.
 */
bool container_ask(const char *name, struct container_told *told);

/* The agent's own file for the stream. Owned by the caller. */
char *container_spool_path(const struct config *config);

/* A container that Docker knows, and a folder of the host that it sees. All is borrowed, may be written by anybody, and "" if there is none. */
struct container_found {
    const char *name, *image, *folder, *seen_as;
};

/*
 * Calls found for each container and each folder of the host that it sees, at least once for each container, in the order of names. False,
 * with the reason in *why, if Docker cannot be asked. It waits for the answer, at most 3 s.
 */
bool docker_list(void (*found)(void *ctx, const struct container_found *), void *ctx, struct strbuf *why);

/*
 * Asks the probes for the running agent: at a first failure, when an incident opens, and every minute while one is open (more often where the
 * scheduler's interval is shorter than 15 minutes). A thread of its own waits for the answers.
 */
struct witnesses;

/* Returns NULL where nothing is configured to be asked. wake is called from the thread when the answers are there. */
struct witnesses *witnesses_open(const struct config *config, void (*wake)(void));
/* Ends a question in progress, or leaves it behind after half a second. wake is not called any more. NULL is allowed. */
void witnesses_close(struct witnesses *witnesses);

/* What the probes are asked for. */
struct witness_need {
    int64_t newest_open; /* the id of the newest open incident, 0 for none */
    bool failing;        /* a table's newest run failed */
};

/* Hands out the answers that arrived, as far as they are news, and asks again if it is time. */
void witnesses_run(struct witnesses *witnesses, struct witness_need need, int64_t now_ms,
                   const struct witness_sink *sink);

/* The time (Unix ms) by which witnesses_run wants to be called; INT64_MAX: not before wake was called or an incident opens. */
int64_t witnesses_due_ms(const struct witnesses *witnesses);

/*
 * The path of the program that asks PostgreSQL (agent/watermark): $AGENT_WATERMARK, else beside the agent's own program, else where it is
 * installed. NULL if it is not there. Owned by the caller.
 */
char *watermark_program(void);
/* Asks whether the configured watermark table answers, and says how that went. It waits. False where none is configured. */
bool watermark_check(const struct config *config, enum witness_state *state, struct strbuf *words);

/*
 * What others than the log know of the tables: the Iceberg table's own metadata says how many rows a run added, and the source says
 * whether there was anything to add. They are asked when a run has succeeded, one question after the other, in a thread of its own. A
 * witness that does not answer twice in a row is left alone for a minute; meanwhile its part of the answers is not known.
 */
struct table_witnesses;

/* Returns NULL where none is configured. wake is called from the thread when an answer is there. */
struct table_witnesses *table_witnesses_open(const struct config *config, void (*wake)(void));
/* Ends a question in progress, or leaves it behind after half a second. wake is not called any more. NULL is allowed. */
void table_witnesses_close(struct table_witnesses *witnesses);
/* Takes note of an event of the log, which is being written now: where a run's rows go, and that it succeeded. NULL is allowed. */
void table_witnesses_hear(struct table_witnesses *witnesses, const struct event *event);
/* Hands out the answers that have arrived, each as an EVENT_TABLE_WITNESSED. NULL is allowed. */
void table_witnesses_run(struct table_witnesses *witnesses, int64_t now_ms, const struct witness_sink *sink);

/*
 * The scheduler's unit, as systemd knows it: [scheduler] unit. A thread listens to the system bus, and asks at a first failure and when an
 * incident opens.
 */
struct unit_witness;

/* The unit of this name is looked for where nobody configured one; that there is none is no news. */
#define UNIT_DEFAULT_NAME "iceberg-offload-scheduler.service"

/* Returns NULL where nothing is to be asked. wake is called from the thread when something was said. */
struct unit_witness *unit_open(const struct config *config, void (*wake)(void));
void unit_close(struct unit_witness *unit); /* NULL is allowed, likewise below */
/* Hands out what was said, as EVENT_UNIT_STATE. */
void unit_run(struct unit_witness *unit, struct witness_need need, int64_t now_ms, const struct witness_sink *sink);
/*
 * Asks about a unit once, and waits for the answer, 3 s at most. Adds to *words what systemd says; false: it could not be asked, and they
 * say why.
 */
bool unit_ask(const char *unit, enum unit_state *state, struct strbuf *words);
/* The scheduler's process; 0: not known. */
uint32_t unit_main_pid(const struct unit_witness *unit);

/*
 * The host itself: full disks, lack of memory, a stopped process. It is looked at while something is wrong, as often as probes are asked. A
 * thread looks, since a look at a dead network mount may last for ever.
 */
struct host_witness;

/* Returns NULL if no thread can be started. wake is called from the thread when it has looked. */
struct host_witness *host_open(const struct config *config, void (*wake)(void));
void host_close(struct host_witness *host); /* NULL is allowed, likewise below */
/* Takes note of an event of the log: a cycle that completed is what later kills for lack of memory are counted from. */
void host_hear(struct host_witness *host, const struct event *event);
/* Hands out what was found, as EVENT_HOST_NOTED, as far as it is news, and looks again if it is time. process: the scheduler's, or 0. */
void host_run(struct host_witness *host, struct witness_need need, uint32_t process, int64_t now_ms,
              const struct witness_sink *sink);
/* The time (Unix ms) by which host_run wants to be called; INT64_MAX: not before wake was called or an incident opens. */
int64_t host_due_ms(const struct host_witness *host);

/*
 * Prefect's API ([prefect] url): whether its server answers, a worker is online, the deployment is paused, and flow runs are late. It is asked
 * while something is wrong, as often as probes are, by a thread of its own.
 */
struct prefect_witness;

/* Returns NULL where none is configured. wake is called from the thread when the answers are there. */
struct prefect_witness *prefect_open(const struct config *config, void (*wake)(void));
/* Ends a question in progress, or leaves it behind after half a second. wake is not called any more. NULL is allowed, likewise below. */
void prefect_close(struct prefect_witness *prefect);
/* Hands out what was found, as EVENT_HOST_NOTED, as far as it is news, and asks again if it is time. */
void prefect_run(struct prefect_witness *prefect, struct witness_need need, int64_t now_ms,
                 const struct witness_sink *sink);
/* The time (Unix ms) by which prefect_run wants to be called; INT64_MAX: not before wake was called or an incident opens. */
int64_t prefect_due_ms(const struct prefect_witness *prefect);
/* Asks once, waits for the answers, and says how that went. False where none is configured. */
bool prefect_check(const struct config *config, enum witness_state *state, struct strbuf *words);

#endif
