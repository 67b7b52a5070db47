/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_MASK_H
#define BASE_MASK_H

#include "base/strbuf.h"

/*
 * The one place that decides what of a secret may be seen. A webhook's URL often is the secret, so only
 * "scheme://host[:port]" is kept; user information, path and query become "***".
 */
void mask_url(const char *text, struct strbuf *out);

/* Foreign text (evidence, a receiver's answer): what looks like a credential becomes "***". */
void mask_secrets(const char *text, struct strbuf *out);

/* The same for many texts: the patterns are compiled once. */
struct masker;
struct masker *masker_open(void);
void masker_close(struct masker *masker);
void masker_text(struct masker *masker, struct slice text, struct strbuf *out);

#endif
