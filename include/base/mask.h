/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_MASK_H
#define BASE_MASK_H

#include "base/strbuf.h"

/* The one place that decides what of a secret may be seen. */

/*
 * Appends the URL as "scheme://host[:port]". A webhook's URL often is the secret, so user, password, path and query become "***". A
 * text that is not a URL becomes "***" too.
 */
void mask_url(const char *text, struct strbuf *out);

/*
 * Appends a text that somebody else wrote (evidence, a receiver's answer), with "***" for everything that looks like a credential. Only
 * the first MASKED_TEXT_MAX_BYTES of the text are looked at and kept; how many more there were is said at the end.
 */
void mask_secrets(const char *text, struct strbuf *out);

/* The same for many texts: the patterns are compiled once. One masker belongs to one thread. */
struct masker;
struct masker *masker_open(void);
void masker_close(struct masker *masker);
void masker_text(struct masker *masker, struct slice text, struct strbuf *out);

#endif
