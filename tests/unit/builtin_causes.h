/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BUILTIN_CAUSES_H
#define TESTS_BUILTIN_CAUSES_H

#include <stdio.h>
#include <stdlib.h>

#include "causes.h"
#include "config.h"

/* The built-in table of causes, which all that a program tests share. It stays until the program ends. */
static inline struct causes *builtin_causes(void)
{
    static struct causes *causes;
    struct strbuf error = { 0 };
    if (!causes)
        causes = config_causes(NULL, &error);
    if (!causes) {
        fprintf(stderr, "%s\n", strbuf_text(&error));
        abort();
    }
    return causes;
}

#endif
