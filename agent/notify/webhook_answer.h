/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_WEBHOOK_ANSWER_H
#define NOTIFY_WEBHOOK_ANSWER_H

#include "config.h"
#include "sender.h"

/*
 * Judges the answer to a request whose HTTP status is a success. Some receivers say in the body that they did not take the message,
 * and a login page in front of a receiver is answered with 200 as well. Returns DELIVERY_DONE, or else the outcome, with the reason in
 * *why. format is the webhook's; the answer is the beginning of the body, as far as it was kept.
 */
enum delivery_outcome webhook_answer_judge(enum payload_format format, struct slice answer, struct strbuf *why);

#endif
