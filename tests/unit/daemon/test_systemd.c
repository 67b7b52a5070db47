/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/daemon/systemd.h"

/* The service manager's end: a datagram socket, by path or in the abstract namespace. */
struct manager {
    int fd;
    char dir[32];
    char name[sizeof((struct sockaddr_un){ 0 }).sun_path];
};

static void manager_open(struct manager *manager, char kind)
{
    strcpy(manager->dir, "/tmp/notify-XXXXXX");
    assert_non_null(mkdtemp(manager->dir));
    snprintf(manager->name, sizeof manager->name, "%s/socket", manager->dir);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, manager->name, strlen(manager->name));
    if (kind == '@') {
        address.sun_path[0] = '\0';
        manager->name[0] = '@';
    }
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(manager->fd >= 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(manager->name));
    assert_int_equal(bind(manager->fd, (struct sockaddr *)&address, len), 0);
    setenv("NOTIFY_SOCKET", manager->name, 1);
}

static void manager_close(struct manager *manager)
{
    close(manager->fd);
    if (manager->name[0] == '/')
        unlink(manager->name);
    rmdir(manager->dir);
    unsetenv("NOTIFY_SOCKET");
}

/* The next datagram as text, "" if there is none. */
static const char *manager_hears(struct manager *manager, char text[512])
{
    ssize_t len = recv(manager->fd, text, 511, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void each_state_is_one_datagram(char kind)
{
    struct manager manager;
    char text[512];
    manager_open(&manager, kind);
    assert_int_equal(systemd_tell(SYSTEMD_READY), SYSTEMD_TOLD);
    assert_int_equal(systemd_tell(SYSTEMD_WATCHDOG), SYSTEMD_TOLD);
    assert_int_equal(systemd_tell(SYSTEMD_STOPPING), SYSTEMD_TOLD);
    assert_string_equal(manager_hears(&manager, text), "READY=1");
    assert_string_equal(manager_hears(&manager, text), "WATCHDOG=1");
    assert_string_equal(manager_hears(&manager, text), "STOPPING=1");
    assert_string_equal(manager_hears(&manager, text), "");
    manager_close(&manager);
}

static void test_socket_by_path(void **state)
{
    (void)state;
    each_state_is_one_datagram('/');
}

static void test_socket_in_the_abstract_namespace(void **state)
{
    (void)state;
    each_state_is_one_datagram('@');
}

static int64_t monotonic_usec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void test_reloading_says_when_it_began(void **state)
{
    (void)state;
    struct manager manager;
    char text[512];
    manager_open(&manager, '/');
    int64_t before = monotonic_usec();
    assert_int_equal(systemd_tell(SYSTEMD_RELOADING), SYSTEMD_TOLD);
    int64_t after = monotonic_usec();
    int64_t said = 0;
    assert_int_equal(sscanf(manager_hears(&manager, text), "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &said), 1);
    assert_true(before <= said && said <= after);
    manager_close(&manager);
}

static void test_status_stays_on_one_line(void **state)
{
    (void)state;
    struct manager manager;
    char text[512];
    manager_open(&manager, '/');
    assert_int_equal(systemd_tell_status("a\nREADY=1\tb\x7F é"), SYSTEMD_TOLD);
    assert_string_equal(manager_hears(&manager, text), "STATUS=a READY=1 b  é");
    manager_close(&manager);
}

static void test_long_status_is_cut_between_characters(void **state)
{
    (void)state;
    struct manager manager;
    char text[512];
    char whole[256], longer[260];
    memset(whole, 'x', sizeof whole);
    whole[255] = '\0';
    snprintf(longer, sizeof longer, "%sé!", whole); /* the two bytes of é are number 256 and 257 */
    manager_open(&manager, '/');
    assert_int_equal(systemd_tell_status(longer), SYSTEMD_TOLD);
    assert_string_equal(manager_hears(&manager, text) + strlen("STATUS="), whole);
    longer[255] = 'y';
    longer[256] = '\0';
    assert_int_equal(systemd_tell_status(longer), SYSTEMD_TOLD);
    assert_string_equal(manager_hears(&manager, text) + strlen("STATUS="), longer);
    manager_close(&manager);
}

static void test_no_manager(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(systemd_tell(SYSTEMD_READY), SYSTEMD_NOT_THERE);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(systemd_tell_status("well"), SYSTEMD_NOT_THERE);
}

static void fails_with(const char *name, int why)
{
    setenv("NOTIFY_SOCKET", name, 1);
    errno = 0;
    assert_int_equal(systemd_tell(SYSTEMD_READY), SYSTEMD_FAILED);
    assert_int_equal(errno, why);
}

static void test_addresses_that_cannot_be(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'n', sizeof name);
    name[0] = '/';
    name[108] = '\0'; /* one more than fits with its NUL */
    fails_with(name, EINVAL);
    fails_with("relative", EINVAL);
    fails_with("/", EINVAL);
    fails_with("@", EINVAL);
    fails_with("/nonexistent/notify", ENOENT);
}

/* A manager that reads nothing must not hold the agent up: its queue fills, telling fails at once. */
static void test_deaf_manager_does_not_block(void **state)
{
    (void)state;
    struct manager manager;
    manager_open(&manager, '/');
    int told = 0;
    while (told < 100000 && systemd_tell(SYSTEMD_WATCHDOG) == SYSTEMD_TOLD)
        told++;
    assert_int_equal(errno, EAGAIN);
    assert_in_range(told, 1, 99999);
    manager_close(&manager);
}

static int64_t watchdog_with(const char *usec, const char *pid)
{
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    if (usec != NULL)
        setenv("WATCHDOG_USEC", usec, 1);
    if (pid != NULL)
        setenv("WATCHDOG_PID", pid, 1);
    return systemd_watchdog_ms();
}

static void test_watchdog_is_fed_twice_as_often_as_it_waits(void **state)
{
    (void)state;
    char me[24], other[24];
    snprintf(me, sizeof me, "%ld", (long)getpid());
    snprintf(other, sizeof other, "%ld", (long)getpid() + 1);
    assert_int_equal(watchdog_with("30000000", me), 15000);
    assert_int_equal(watchdog_with("30000000", NULL), 15000);
    assert_int_equal(watchdog_with("1", NULL), 1);
    assert_int_equal(watchdog_with("30000000", other), 0);
    assert_int_equal(watchdog_with("30000000", "mine"), 0);
    assert_int_equal(watchdog_with(NULL, me), 0);
    assert_int_equal(watchdog_with("", NULL), 0);
    assert_int_equal(watchdog_with("0", NULL), 0);
    assert_int_equal(watchdog_with("-5", NULL), 0);
    assert_int_equal(watchdog_with("30s", NULL), 0);
    assert_int_equal(watchdog_with("99999999999999999999", NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socket_by_path),
        cmocka_unit_test(test_socket_in_the_abstract_namespace),
        cmocka_unit_test(test_reloading_says_when_it_began),
        cmocka_unit_test(test_status_stays_on_one_line),
        cmocka_unit_test(test_long_status_is_cut_between_characters),
        cmocka_unit_test(test_no_manager),
        cmocka_unit_test(test_addresses_that_cannot_be),
        cmocka_unit_test(test_deaf_manager_does_not_block),
        cmocka_unit_test(test_watchdog_is_fed_twice_as_often_as_it_waits),
    };
    return cmocka_run_group_tests_name("notify_systemd", tests, NULL, NULL);
}
