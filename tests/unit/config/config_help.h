/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CONFIG_HELP_H
#define TESTS_CONFIG_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "config.h"

/* A configuration file and what came of loading it. The teardown frees it, so that a test that fails leaks nothing either. */
struct loaded {
    char path[64];
    struct strbuf errors, warnings;
    struct config *config;
};

static inline int setup(void **state)
{
    struct loaded *loaded = must_alloc(sizeof *loaded);

    strcpy(loaded->path, "/tmp/test_config.XXXXXX");
    int fd = mkstemp(loaded->path);
    if (fd >= 0)
        close(fd);
    unsetenv("AGENT_CONFIG");
    *state = loaded;
    return fd >= 0 ? 0 : -1;
}

static inline int teardown(void **state)
{
    struct loaded *loaded = *state;

    unlink(loaded->path);
    config_free(loaded->config);
    strbuf_free(&loaded->errors);
    strbuf_free(&loaded->warnings);
    free(loaded);
    return 0;
}

static inline void load_sets(struct loaded *loaded, const char *text, char *const *sets, size_t set_count)
{
    FILE *file = fopen(loaded->path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    config_free(loaded->config);
    strbuf_clear(&loaded->errors);
    strbuf_clear(&loaded->warnings);
    loaded->config = config_load(loaded->path, sets, set_count, &loaded->errors, &loaded->warnings);
}

static inline struct config *load(struct loaded *loaded, const char *text)
{
    load_sets(loaded, text, NULL, 0);
    return loaded->config;
}

/* Each expected error stands without the "path:" before it. */
static inline void refuses(struct loaded *loaded, const char *text, const char *const *expected, size_t count)
{
    struct strbuf all = { 0 };

    assert_null(load(loaded, text));
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&all, "%s:%s\n", loaded->path, expected[i]);
    assert_string_equal(strbuf_text(&loaded->errors), strbuf_text(&all));
    strbuf_free(&all);
}

static inline void refuses_one(struct loaded *loaded, const char *text, const char *expected)
{
    refuses(loaded, text, &expected, 1);
}

#define LOADING(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
