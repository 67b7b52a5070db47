/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_SHA256_H
#define SERVE_SHA256_H

#include "base/strbuf.h"

/* Appends the SHA-256 (FIPS 180-4) of a text in Base64, as Content-Security-Policy names a style sheet that it allows. */
void sha256_base64(struct slice text, struct strbuf *out);

#endif
