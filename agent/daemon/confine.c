/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "witness.h"

/* Newer than the kernel headers of some build hosts. The numbers are part of the kernel's interface. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif
enum { NET_BIND_TCP = 1, ABI_TRUNCATE = 3, ABI_NET = 4 };

/* struct landlock_ruleset_attr as of version 4. Older kernels take only its first field. */
struct ruleset_rights {
    uint64_t files, net;
};

static const uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t write_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                     LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |
                                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                     LANDLOCK_ACCESS_FS_REMOVE_FILE;
/*
 * What no rule grants is refused everywhere: running a program (but agent-watermark, where it is configured), making devices, sockets, FIFOs
 * and links.
 */
static const uint64_t all_rights = write_rights | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                   LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                   LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                   LANDLOCK_ACCESS_FS_MAKE_SYM;

/* What libc, libcurl and GnuTLS read by themselves. Paths that a host does not have are skipped. */
static const char *const system_places[] = {
    "/etc/ssl",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/gnutls",
    "/etc/pkcs11",
    "/usr/share/p11-kit",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/nscd",
    "/etc/passwd",
    "/etc/group",
    "/etc/localtime",
    "/etc/timezone",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/dev/null",
    "/dev/urandom",
    /* Also the scheduler's process, memory and pressure. What the service may not see there, its unit hides (ProtectProc=, ProcSubset=). */
    "/proc",
    "/sys/devices/system/cpu",
};

struct fence {
    int ruleset;
    uint64_t handled;
    int error; /* errno of the first rule that failed; 0: none */
};

/* The kernel refuses a rule that gives a file rights which only directories have. */
static uint64_t fence_fitting(int fd, uint64_t rights)
{
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
        return rights;
    return rights & (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |
                     LANDLOCK_ACCESS_FS_EXECUTE);
}

static void fence_allow(struct fence *fence, const char *path, uint64_t rights)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return; /* a path that is not there or not visible needs no rule */
    struct landlock_path_beneath_attr rule = {
        .allowed_access = fence_fitting(fd, rights) & fence->handled,
        .parent_fd = fd,
    };
    if (syscall(SYS_landlock_add_rule, fence->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 && !fence->error)
        fence->error = errno;
    close(fd);
}

/* Owned. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return must_copy(".", 1);
    return must_copy(path, slash == path ? 1 : (size_t)(slash - path));
}

static void fence_allow_around(struct fence *fence, const char *path, uint64_t rights)
{
    if (!path)
        return;
    char *directory = directory_of(path);
    fence_allow(fence, directory, rights);
    free(directory);
}

/*
 * A rule belongs to the directory that is there now. Since the log's directory may be replaced by a new one with its name, the directory
 * above it is allowed as well, unless that is the root, whose directories are not replaced.
 */
static void fence_allow_log_at(struct fence *fence, const char *path)
{
    char *directory = directory_of(path);
    char *above = directory_of(directory);
    fence_allow(fence, directory, read_rights);
    if (strcmp(above, "/") != 0)
        fence_allow(fence, above, read_rights);
    free(above);
    free(directory);
}

/* Each container has a directory of its own, and the next one of the same name another one beside it. */
static void fence_allow_container(struct fence *fence, const char *name)
{
    struct container_told told = { 0 };
    fence_allow(fence, "/var/lib/docker/containers", read_rights);
    if (container_ask(name, &told) && told.path.len > 0)
        fence_allow_log_at(fence, strbuf_text(&told.path));
    container_told_free(&told);
}

/*
 * A framed log may be reached by a link, which later points into another directory: for Kubernetes, the log of the next container of a pod
 * lies beside the last one's, and that of the next pod in the directory above both.
 */
static void fence_allow_log(struct fence *fence, const struct config *config)
{
    if (config->log_container) {
        fence_allow_container(fence, config->log_container);
        return;
    }
    fence_allow_log_at(fence, config->log_path);
    char *target = config->log_format != FRAME_PLAIN ? realpath(config->log_path, NULL) : NULL;
    if (!target)
        return;
    char *directory = directory_of(target), *above = directory_of(directory);
    if (strcmp(target, config->log_path) != 0)
        fence_allow_log_at(fence, above);
    fence_allow_log_at(fence, target);
    free(above);
    free(directory);
    free(target);
}

/*
 * The history's directory may be missing or not be writable now, and be made or mounted later: then the nearest directory above it that is
 * there is allowed as well.
 */
static void fence_allow_history(struct fence *fence, const char *path)
{
    struct stat status;
    char *directory = directory_of(path);
    fence_allow(fence, directory, write_rights);
    bool usable = access(directory, W_OK | X_OK) == 0;
    for (bool there = false; !usable && !there && strcmp(directory, "/") != 0;) {
        char *above = directory_of(directory);
        free(directory);
        directory = above;
        there = stat(directory, &status) == 0 && S_ISDIR(status.st_mode);
        if (there)
            fence_allow(fence, directory, write_rights);
        else if (strcmp(directory, ".") == 0)
            break;
    }
    free(directory);
}

/* The dynamic linker of this program, which is also that of the other one that was built with it. */
static int find_linker(struct dl_phdr_info *program, size_t size, void *path)
{
    (void)size;
    for (int i = 0; i < program->dlpi_phnum; i++)
        if (program->dlpi_phdr[i].p_type == PT_INTERP)
            strbuf_puts(path, (const char *)(program->dlpi_addr + program->dlpi_phdr[i].p_vaddr));
    return 1; /* the first one is this program itself */
}

/*
 * The one program that the agent starts, and what libpq reads there: it runs within the same fence. To start it the kernel opens its
 * dynamic linker as well.
 */
static void fence_allow_watermark(struct fence *fence, const struct config *config)
{
    static const char *const own_files[] = { ".pgpass", ".pg_service.conf", ".postgresql" };
    static const uint64_t run_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
    const char *home = getenv("HOME");
    if (!config->watermark_dsn && !config->watermark_service)
        return;
    char *program = watermark_program();
    struct strbuf path = { 0 };
    dl_iterate_phdr(find_linker, &path);
    if (program)
        fence_allow(fence, program, run_rights);
    if (program && path.len)
        fence_allow(fence, path.at, run_rights);
    for (size_t i = 0; home && i < sizeof own_files / sizeof own_files[0]; i++) {
        strbuf_clear(&path);
        strbuf_printf(&path, "%s/%s", home, own_files[i]);
        fence_allow(fence, path.at, read_rights);
    }
    fence_allow(fence, "/etc/postgresql-common", read_rights); /* services for everybody, on Debian */
    fence_allow_around(fence, getenv("PGPASSFILE"), read_rights);
    fence_allow_around(fence, getenv("PGSERVICEFILE"), read_rights);
    fence_allow_around(fence, config->watermark_passfile, read_rights);
    fence_allow_around(fence, config->watermark_password_file, read_rights);
    strbuf_free(&path);
    free(program);
}

/* Directories rather than files are allowed, since files are replaced by renaming. A relative name is one of systemd's credentials. */
static void fence_allow_configured(struct fence *fence, const struct config *config)
{
    fence_allow_log(fence, config);
    fence_allow_history(fence, config->history_db);
    fence_allow_around(fence, config->metrics_textfile, write_rights);
    fence_allow_around(fence, config->log_patterns, read_rights);
    fence_allow_around(fence, config->runbooks_file, read_rights);
    fence_allow_around(fence, config->source_password_file, read_rights);
    fence_allow_around(fence, config->prefect_token_file, read_rights);
    fence_allow_watermark(fence, config);
    if (config->iceberg_warehouse)
        fence_allow(fence, config->iceberg_warehouse, read_rights);
    for (size_t i = 0; i < config->webhook_count; i++) {
        struct webhook_file files[WEBHOOK_FILES];
        webhook_files(&config->webhooks[i], files);
        for (size_t j = 0; j < WEBHOOK_FILES; j++)
            fence_allow_around(fence, files[j].path, read_rights);
    }
    fence_allow_around(fence, config->path, read_rights);
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (credentials)
        fence_allow(fence, credentials, read_rights);
}

static void shortfall_add(struct strbuf *shortfall, const char *what, int error)
{
    strbuf_printf(shortfall, "%s%s: %s", shortfall->len ? "; " : "", what, strerror(error));
}

static void confine_files(const struct config *config, struct strbuf *shortfall)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 0) {
        shortfall_add(shortfall, "Landlock, which would limit the files in reach", errno);
        return;
    }
    struct fence fence = { .handled = abi >= ABI_TRUNCATE ? all_rights : all_rights & ~LANDLOCK_ACCESS_FS_TRUNCATE };
    struct ruleset_rights rights = { .files = fence.handled, .net = abi >= ABI_NET ? NET_BIND_TCP : 0 };
    size_t size = abi >= ABI_NET ? sizeof rights : sizeof rights.files;
    fence.ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, size, 0);
    if (fence.ruleset < 0) {
        shortfall_add(shortfall, "a Landlock rule set", errno);
        return;
    }
    for (size_t i = 0; i < sizeof system_places / sizeof system_places[0]; i++)
        fence_allow(&fence, system_places[i], read_rights);
    fence_allow_configured(&fence, config);
    if (fence.error)
        shortfall_add(shortfall, "a Landlock rule", fence.error);
    if (syscall(SYS_landlock_restrict_self, fence.ruleset, 0) != 0)
        shortfall_add(shortfall, "Landlock", errno);
    close(fence.ruleset);
}

void confine_process(const struct config *config, struct strbuf *shortfall)
{
    const char *wish = getenv("AGENT_CONFINE");
    if (wish && strcmp(wish, "no") == 0) {
        strbuf_puts(shortfall, "AGENT_CONFINE=no is set");
        return;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        shortfall_add(shortfall, "no new privileges", errno);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        shortfall_add(shortfall, "not dumpable", errno);
    if (setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) != 0)
        shortfall_add(shortfall, "no core dumps", errno);
    confine_files(config, shortfall);
}
