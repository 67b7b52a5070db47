/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_MAIL_REQUEST_H
#define NOTIFY_MAIL_REQUEST_H

#include "webhook_request.h"

/* The part of a request that differs where the delivery is an e-mail, which goes by SMTP. */

/* Prepares request->easy, whose common options are set. Returns false, with the reason in *error, if the attempt cannot begin. */
bool mail_request_prepare(struct webhook_request *request, const struct delivery *delivery, struct strbuf *error);

/*
 * Sets the outcome, http_status and error of *result. What the server answers with 5xx is refused, and what it answers with 4xx is
 * tried again, as a server that greylists demands. A message that some recipients did not get is delivered, and the error says why.
 */
void mail_request_judge(struct webhook_request *request, CURLcode code, struct delivery_result *result);

#endif
