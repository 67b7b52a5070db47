/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_MASK_OWN_SECRETS_H
#define NOTIFY_MASK_OWN_SECRETS_H

#include "base/strbuf.h"
#include "config.h"

/*
 * Appends what a webhook's receiver answered, without the secrets that we sent: many an error page repeats the request. These are the
 * user, password, path and query of the URL, the values of the headers, the token and PagerDuty's routing key (NULL: there is none).
 */
void mask_own_secrets(const struct webhook_config *webhook, const char *token, const char *routing_key,
                      const char *text, struct strbuf *out);

#endif
