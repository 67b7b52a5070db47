/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kinds.h"

static const char lead[] = "Engineering Lead";
static const char lead_and_data[] = "Engineering Lead and Data Team"; /* data may be lost */

static const struct kind_facts kinds[KINDS] = {
    [KIND_FAILURES] = { "failures", "openings.failures", ALERT_CONSECUTIVE_FAILURES, ALERT_CONSECUTIVE_FAILURES, lead,
                        .wrong = "{still}no new data for {tables} {since}",
                        .on_and_off = "{tables} fail{s} on and off {since}",
                        .over = "{tables} flow{s} again after {for}" },
    [KIND_LAG] = { "lag", "openings.lag", ALERT_LAG_ELEVATED, ALERT_LAG_CRITICAL, lead,
                   .wrong = "{still}no new data for {tables} {since}",
                   .on_and_off = "{tables} fall{s} behind on and off {since}",
                   .over = "{tables} flow{s} again after {for}" },
    [KIND_SLOW] = { "slow", "openings.slow", ALERT_CYCLE_SLOW, ALERT_CYCLE_TOO_SLOW, lead,
                    .wrong = "cycles {still}slow {since}", .on_and_off = "cycles slow on and off {since}",
                    .over = "cycles no longer slow after {for}" },
    [KIND_STALL] = { "stall", "openings.stale", ALERT_WATERMARK_STALE, ALERT_WATERMARK_STALE, lead_and_data,
                     .wrong = "{tables} {still}stalled {since}", .on_and_off = "{tables} stall{s} on and off {since}",
                     .over = "{tables} move{s} rows again after {for}", .words_say_cause = true },
    [KIND_DOWN] = { "down", "openings.down", ALERT_SCHEDULER_DOWN, ALERT_SCHEDULER_DOWN, lead,
                    .wrong = "{writer} {still}down {since}", .on_and_off = "{writer} down on and off {since}",
                    .over = "{writer} runs again after {for}" },
    [KIND_CRASH_LOOP] = { "crash loop", "openings.crash_loop", ALERT_SCHEDULER_DOWN, ALERT_SCHEDULER_DOWN, lead,
                          .wrong = "{writer} {still}keeps dying {since}",
                          .on_and_off = "{writer} keeps dying on and off {since}",
                          .over = "{writer} no longer keeps dying after {for}" },
    [KIND_SUCCESS_RATE] = { "success rate", "openings.success_rate", ALERT_SUCCESS_RATE_LOW, ALERT_SUCCESS_RATE_LOW,
                            lead, .wrong = "{tables} {still}fail{s} again and again {since}",
                            .on_and_off = "{tables} fail{s} again and again {since}",
                            .over = "{tables} no longer fail{s} again and again, after {for}" },
    [KIND_THROUGHPUT] = { "throughput", "openings.throughput", ALERT_THROUGHPUT_LOW, ALERT_THROUGHPUT_LOW, lead,
                          .wrong = "{tables} {still}move{s} far fewer rows than usual {since}",
                          .on_and_off = "{tables} move{s} too few rows on and off {since}",
                          .over = "{tables} no longer move{s} too few rows, after {for}" },
    [KIND_LOG] = { "log", "openings.log", ALERT_LOG_UNREADABLE, ALERT_LOG_UNREADABLE, lead,
                   .wrong = "agent {still}blind {since}", .on_and_off = "agent blind on and off {since}",
                   .over = "agent sees the log again after {for}" },
    [KIND_DELIVERY] = { "delivery", "openings.delivery", ALERT_NOTIFICATIONS_STUCK, ALERT_NOTIFICATIONS_STUCK, lead,
                        .wrong = "notifications {still}stuck {since}",
                        .on_and_off = "notifications stuck on and off {since}",
                        .over = "notifications delivered again after {for}" },
};

const struct kind_facts *kind_facts(enum incident_kind kind)
{
    return &kinds[kind];
}

enum alert kind_alert(enum incident_kind kind, enum severity severity)
{
    return severity == SEVERITY_CRITICAL ? kinds[kind].critical : kinds[kind].warning;
}
