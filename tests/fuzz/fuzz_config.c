/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "config_keys.h"
#include "fuzz.h"

/*
 * Any bytes as a configuration: it is either read or refused with reasons, a whole line each. What is read can be shown as
 * a configuration without its secrets; that one is read as well, and shows the same.
 */
static int fd = -1;
static char path[64];

static struct config *load(const void *text, size_t size, struct strbuf *errors)
{
    static struct strbuf warnings;
    if (fd < 0) {
        fd = memfd_create("agent.conf", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    must(ftruncate(fd, 0) == 0 && pwrite(fd, text, size, 0) == (ssize_t)size);
    strbuf_clear(&warnings);
    return config_load(path, NULL, 0, errors, &warnings);
}

static void check_errors(struct slice errors)
{
    must(errors.len > 0 && errors.at[errors.len - 1] == '\n');
    while (errors.len > 0) {
        struct slice line = cut_off(&errors, "\n");
        must(line.len > strlen(path) + 2 && memcmp(line.at, path, strlen(path)) == 0);
    }
}

static void check_shown(const struct config *config, struct strbuf *errors)
{
    static struct strbuf shown, shown_again;
    strbuf_clear(&shown);
    strbuf_clear(&shown_again);
    config_show(config, &shown);
    struct config *again = load(shown.at, shown.len, errors);
    must(again);
    config_show(again, &shown_again);
    must(strcmp(shown.at, shown_again.at) == 0);
    config_free(again);
}

static void load_once(struct slice text)
{
    struct strbuf errors = { 0 };
    config_free(load(text.at, text.len, &errors));
    strbuf_free(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct strbuf errors;
    strbuf_clear(&errors);
    fuzz_cost(load_once, (struct slice){ (const char *)data, size });
    struct config *config = load(data, size, &errors);
    if (config) {
        must(errors.len == 0);
        check_shown(config, &errors);
    } else {
        check_errors(strbuf_slice(&errors));
    }
    config_free(config);
    return 0;
}
