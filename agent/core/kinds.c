/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kinds.h"

static const char lead[] = "Engineering Lead";
static const char lead_and_data[] = "Engineering Lead and Data Team"; /* data may be lost */

static const struct kind_facts kinds[KINDS] = {
    [KIND_FAILURES] = { "failures", "openings.failures", ALERT_CONSECUTIVE_FAILURES, ALERT_CONSECUTIVE_FAILURES, lead },
    [KIND_LAG] = { "lag", "openings.lag", ALERT_LAG_ELEVATED, ALERT_LAG_CRITICAL, lead },
    [KIND_SLOW] = { "slow", "openings.slow", ALERT_CYCLE_SLOW, ALERT_CYCLE_TOO_SLOW, lead },
    [KIND_STALL] = { "stall", "openings.stale", ALERT_WATERMARK_STALE, ALERT_WATERMARK_STALE, lead_and_data },
    [KIND_DOWN] = { "down", "openings.down", ALERT_SCHEDULER_DOWN, ALERT_SCHEDULER_DOWN, lead },
    [KIND_CRASH_LOOP] = { "crash loop", "openings.crash_loop", ALERT_SCHEDULER_DOWN, ALERT_SCHEDULER_DOWN, lead },
    [KIND_SUCCESS_RATE] = { "success rate", "openings.success_rate", ALERT_SUCCESS_RATE_LOW, ALERT_SUCCESS_RATE_LOW,
                            lead },
    [KIND_THROUGHPUT] = { "throughput", "openings.throughput", ALERT_THROUGHPUT_LOW, ALERT_THROUGHPUT_LOW, lead },
    [KIND_LOG] = { "log", "openings.log", ALERT_LOG_UNREADABLE, ALERT_LOG_UNREADABLE, lead },
    [KIND_DELIVERY] = { "delivery", "openings.delivery", ALERT_NOTIFICATIONS_STUCK, ALERT_NOTIFICATIONS_STUCK, lead },
};

const struct kind_facts *kind_facts(enum incident_kind kind)
{
    return &kinds[kind];
}

enum alert kind_alert(enum incident_kind kind, enum severity severity)
{
    return severity == SEVERITY_CRITICAL ? kinds[kind].critical : kinds[kind].warning;
}
