/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_DISPATCH_PRIVATE_H
#define NOTIFY_DISPATCH_PRIVATE_H

#include "alertmanager_alerts.h"
#include "notify.h"
#include "payload.h"
#include "sender.h"
#include "told_as.h"

/*
 * The inside of dispatch: dispatch.c hands over and takes back, dispatch_print.c is standard output, dispatch_upkeep.c keeps
 * Alertmanagers in the picture, dispatch_stuck.c sees what does not get through.
 */

enum {
    COMBINED_MOST = 50,        /* messages in one request */
    STALE_MS = 10 * 60 * 1000, /* older than that, what waits goes out as one message */
    STUCK_MS = 10 * 60 * 1000, /* older than that, what waits is a trouble of its own */
    REFUSED_MOST = 3           /* so many refusals in a row are one at once */
};

/* Outbox entries count from 1: the id of a refresh, which is none. */
enum { REFRESH_ID = 0 };

/* What is on its way to one webhook: one request, of one or more outbox entries. */
struct route {
    const char *name;
    const struct webhook_config *webhook; /* NULL: standard output */
    bool waiting;                         /* the outbox may have more for it */
    bool shortened;                       /* the request was refused once already and goes in its shortest form */
    bool tried;                           /* the request on its way failed at least once, and may go on failing */
    bool stuck;                           /* and does so for too long: people were told */
    int64_t handled;                      /* the outbox is done up to this id */
    struct outbox_entry entries[COMBINED_MOST];
    size_t count;     /* 0: nothing on its way */
    int64_t print_ms; /* when to try standard output again; 0: at once */
    char error[256];  /* of the newest attempt that failed */
    int64_t refused_in_a_row, refused_since_ms;
    int64_t delivered, retried, refused;

    struct shown shown;  /* for an Alertmanager only, as all below */
    int64_t refresh_ms;  /* when to tell it all again */
    bool refreshing;     /* that is on its way */
    bool refresh_failed; /* and that was said */
};

struct dispatch {
    const struct config *config;
    struct history *history;
    struct payload_maker *maker;
    struct sender *sender; /* NULL: neither webhook nor heartbeat */
    struct origin origin;
    bool origin_kept;     /* another than the configured one, for the incidents that are open */
    struct route *routes; /* the webhooks', then standard output's */
    size_t webhook_count;
    bool begun;
    bool judged;      /* whether webhooks are stuck was found out once */
    bool beat_failed; /* and that was said */
};

/* To be rendered with at once: the texts are the dispatch's. */
struct payload_origin dispatch_origin(const struct dispatch *dispatch);

/* All entries of the request have the same fate. */
void route_record(struct dispatch *dispatch, struct route *route, const char *status,
                  const struct delivery_result *result);
/* The request is settled: the next may go. */
void route_done(struct route *route);
void route_clear(struct route *route);

/* Standard output's route takes everything without a webhook, and otherwise the news that webhooks take nothing. */
void dispatch_print(struct dispatch *dispatch, int64_t now_ms);

bool upkeep_wanted(const struct route *route);
/* Takes up what an earlier life told, and what came of it. */
void upkeep_begin(struct dispatch *dispatch, struct route *route, int64_t now_ms);
/* All that the Alertmanager shall show, the entries on their way included. */
void upkeep_render(struct dispatch *dispatch, struct route *route, int64_t now_ms, struct strbuf *body);
void upkeep_run(struct dispatch *dispatch, size_t index, int64_t now_ms);
void upkeep_done(struct dispatch *dispatch, struct route *route, const struct delivery_result *result);
int64_t upkeep_next_ms(const struct route *route, int64_t now_ms);

/* What waits for webhooks that are no longer configured is given up, and said. */
void stuck_abandon(struct dispatch *dispatch);
/* The request was refused for good. */
void stuck_refused(struct route *route, const struct delivery_result *result);
int64_t stuck_next_ms(const struct route *route);

#endif
