/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the kernel headers of some build hosts. The number is part of the kernel's interface. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif
enum { ABI_WITH_TRUNCATE = 3 };

static const uint64_t change_rights =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_TRUNCATE;
/* In a directory of its own: SQLite sorts there what is too much for its memory. */
static const uint64_t own_rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                   LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                   LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_TRUNCATE;

static void lacks(struct strbuf *shortfall, const char *what)
{
    strbuf_printf(shortfall, "%s%s: %s", shortfall->len ? "; " : "", what, strerror(errno));
}

/* The rights to a directory are needed by nothing else than its own removal, which its parent has to allow. */
static void allow_below(int rules, const char *path, uint64_t rights)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
    if (fd < 0)
        return;
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
}

static void fence_files(const char *parent, const char *own, struct strbuf *shortfall)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    uint64_t handled = version >= ABI_WITH_TRUNCATE ? change_rights : change_rights & ~LANDLOCK_ACCESS_FS_TRUNCATE;
    struct landlock_ruleset_attr attributes = { .handled_access_fs = handled };
    int rules = version < 0
                    ? -1
                    : (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0);
    if (rules < 0) {
        lacks(shortfall, "Landlock, which would keep it from writing any file");
        return;
    }
    if (own) {
        allow_below(rules, own, own_rights & handled);
        allow_below(rules, parent, LANDLOCK_ACCESS_FS_REMOVE_DIR);
    }
    if (syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        lacks(shortfall, "Landlock");
    close(rules);
}

char *fence_process(struct strbuf *shortfall)
{
    const char *wish = getenv("AGENT_CONFINE"), *temporary = getenv("TMPDIR");
    struct strbuf own = { 0 };
    if (wish && strcmp(wish, "no") == 0) {
        strbuf_puts(shortfall, "AGENT_CONFINE=no is set");
        return NULL;
    }
    char *parent = temporary && *temporary ? must_copy(temporary, strlen(temporary)) : must_copy("/tmp", 4);
    strbuf_printf(&own, "%s/agent-web.XXXXXX", parent);
    if (!mkdtemp(own.at) || setenv("TMPDIR", own.at, 1) != 0)
        strbuf_free(&own);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        lacks(shortfall, "no new privileges");
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    fence_files(parent, own.at, shortfall);
    free(parent);
    return own.at;
}
