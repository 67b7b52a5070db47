/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_MASK_OWN_SECRETS_H
#define NOTIFY_MASK_OWN_SECRETS_H

#include "base/strbuf.h"
#include "config.h"

/*
 * Text of a webhook's receiver without the secrets that we know because we sent them: its URL's user, password, path and
 * query, the values of its headers, the token and PagerDuty's routing key (NULL: none). Many an error page repeats the request.
 */
void known_mask(const struct webhook_config *webhook, const char *token, const char *routing_key, const char *text,
                struct strbuf *out);

#endif
