/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_DISPATCH_PRIVATE_H
#define NOTIFY_DISPATCH_PRIVATE_H

#include "alertmanager_alerts.h"
#include "notify.h"
#include "payload.h"
#include "sender.h"
#include "told_as.h"

/*
 * The inside of the dispatch. dispatch.c hands deliveries to the sender and takes their results back, dispatch_print.c writes to
 * standard output, dispatch_route.c decides what goes where, dispatch_refresh.c tells Alertmanagers again what is open,
 * dispatch_stuck.c notices what does not get through.
 */

enum {
    COMBINED_MOST = 50,        /* messages in one request */
    STALE_MS = 10 * 60 * 1000, /* if the oldest message waits longer than this, all that wait go into one request */
    STUCK_MS = 10 * 60 * 1000, /* a webhook whose oldest message waits longer than this is stuck */
    REFUSED_MOST = 3           /* after so many refusals in a row a webhook is stuck at once */
};

/* The id of a delivery that tells an Alertmanager again what is open. Outbox entries count from 1, so none has it. */
enum { REFRESH_ID = 0 };

/* A webhook, or standard output: what is on its way there, in one request of one or more outbox entries. */
struct receiver {
    const char *name;
    const struct webhook_config *webhook; /* NULL: standard output */
    bool waiting;                         /* the outbox may have more for it */
    int64_t handled_id;                   /* the outbox is done up to this id */
    struct outbox_entry entries[COMBINED_MOST];
    size_t count;               /* 0: nothing is on its way */
    enum payload_length length; /* the shortest after the request was refused once */
    bool tried;                 /* the request on its way has failed at least once */
    bool stuck;                 /* as dispatch_stuck_news() said last; for standard output: it takes nothing */
    int64_t print_ms;           /* when to try standard output again; 0: at once */
    char error[256];            /* of the newest attempt that failed */
    int64_t refused_in_a_row, refused_since_ms;
    int64_t delivered, retried, refused;
    bool fell_now;     /* another one's fell to it in this turn: it is sent after the next commit */
    int64_t fallen_id; /* its fallback was told all up to this id of the outbox */

    /* The rest is for an Alertmanager only. */
    struct alertmanager_alerts alerts;
    int64_t refresh_ms;  /* when to tell it all of them again */
    bool refreshing;     /* that is on its way */
    bool refresh_failed; /* that failed the last time, and it was said */
};

struct dispatch {
    const struct config *config;
    struct history *history;
    struct masker *masker;
    struct sender *sender; /* NULL: neither a webhook nor a heartbeat is configured */
    struct told_as told_as;
    bool told_as_kept;          /* it differs from the configuration until the open incidents are over */
    struct receiver *receivers; /* the webhooks', then standard output's */
    size_t webhook_count;
    bool begun;       /* what the last process left was taken up */
    bool judged;      /* whether webhooks are stuck was said once */
    bool beat_failed; /* the last heartbeat failed, and it was said */
};

/* The texts belong to the dispatch and are valid until its next call. */
struct payload_origin dispatch_origin(const struct dispatch *dispatch);

/* Writes into the outbox what came of the request: the same for all its entries. */
void receiver_record(struct dispatch *dispatch, struct receiver *receiver, const char *status,
                     const struct delivery_result *result);
/* Ends the request, whatever came of it, so that the next one may begin. */
void receiver_finish(struct receiver *receiver);
/* Forgets the request; its entries stay in the outbox. */
void receiver_clear(struct receiver *receiver);

/* Prints what waits for standard output: everything if there is no webhook, else only the news that a webhook is stuck. */
void dispatch_print(struct dispatch *dispatch, int64_t now_ms);

/* Returns true for an Alertmanager, which must be told again and again what is open. */
bool refresh_is_needed(const struct receiver *receiver);
/* Loads what the last process told the Alertmanager. */
void refresh_begin(struct dispatch *dispatch, struct receiver *receiver, int64_t now_ms);
/* Renders all alerts that the Alertmanager should have, those on their way included. */
void refresh_render(struct dispatch *dispatch, struct receiver *receiver, int64_t now_ms, struct strbuf *body);
void refresh_run(struct dispatch *dispatch, size_t index, int64_t now_ms);
void refresh_done(struct dispatch *dispatch, struct receiver *receiver, const struct delivery_result *result);
/* Returns when refresh_run() has something to do, INT64_MAX if not at all. */
int64_t refresh_next_ms(const struct receiver *receiver, int64_t now_ms);

/* Returns true if the webhook's alert, table and min_severity let the message through. */
bool route_takes(const struct webhook_config *webhook, const struct message *message);
/* Returns true if there are messages that route_takes() does not let through. */
bool route_is_narrow(const struct webhook_config *webhook);

/* Hands what the receiver has not taken for fallback_after, and what waits behind it, to its fallback. Call it before what waits is sent. */
void fallback_run(struct dispatch *dispatch, struct receiver *receiver, int64_t now_ms);
/* Hands what the receiver refused to its fallback. Call it while the receiver still has the entries. */
void fallback_refused(struct dispatch *dispatch, struct receiver *receiver, int64_t now_ms);
/* Returns when fallback_run() has something to do, INT64_MAX if not at all. */
int64_t fallback_next_ms(const struct receiver *receiver, int64_t now_ms);

/* Gives up, and says so, what waits for webhooks that are no longer configured. */
void stuck_abandon(struct dispatch *dispatch);
/* Takes note that the request was refused for good. */
void stuck_refused(struct receiver *receiver, const struct delivery_result *result);
/* Returns when the receiver will be stuck if nothing changes, INT64_MAX if it never will or is already. */
int64_t stuck_next_ms(const struct receiver *receiver);

#endif
