/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/witness/host.h"
#include "witness.h"

/* What of the host's state is wrong. */

static const char *const PATHS[DISKS] = { "/tmp/s.log", "/var/lib/h.db", NULL };

static struct host_facts well(void)
{
    struct disk_facts disk = { .known = true, .free_bytes = 1 << 30, .files = 1000, .free_files = 500 };
    return (struct host_facts){
        .disks = { disk, disk, { .known = false } },
        .memory_kb = 8 << 20,
        .free_memory_kb = 4 << 20,
        .stalled_percent = 0,
        .oom_kills = 3,
        .process_state = 'S',
        .process = 77,
    };
}

static void check(struct host_facts facts, int64_t oom_before, const char *kind, const char *words)
{
    struct host_findings found = { .count = 0 };
    host_judge(&facts, PATHS, oom_before, &found);
    assert_int_equal(found.count, kind ? 1 : 0);
    if (kind) {
        assert_string_equal(found.at[0].kind, kind);
        assert_string_equal(strbuf_text(&found.at[0].words), words);
    }
    host_forget(&found);
}

static void what_is_well_or_not_known_is_no_finding(void **unused)
{
    (void)unused;
    check(well(), 3, NULL, NULL);
    check((struct host_facts){ .memory_kb = -1, .free_memory_kb = -1, .stalled_percent = -1, .oom_kills = -1 }, 3, NULL,
          NULL);
    check(well(), -1, NULL, NULL); /* how many kills there were before is not known */
    struct host_facts facts = well();
    facts.disks[DISK_LOG].files = facts.disks[DISK_LOG].free_files = 0; /* it does not count files */
    facts.disks[DISK_WAREHOUSE] = (struct disk_facts){ .known = true }; /* nobody configured one */
    check(facts, 3, NULL, NULL);
}

static void assert_says(struct host_facts facts, enum witness_state state, const char *words)
{
    struct host_findings found = { .count = 0 };
    host_judge(&facts, PATHS, 3, &found);
    const char *said = host_say_well(&found);
    assert_int_equal(said ? WITNESS_WELL : WITNESS_SILENT, state);
    assert_string_equal(said ? said : HOST_NOT_SEEN, words);
}

/* The shipped unit hides memory. What is not seen is not said to be well. */
static void only_what_is_seen_is_well(void **unused)
{
    (void)unused;
    struct host_facts facts = well();
    assert_says(facts, WITNESS_WELL, "disks and memory have room");
    facts.memory_kb = facts.free_memory_kb = facts.stalled_percent = facts.oom_kills = -1;
    assert_says(facts, WITNESS_WELL, "disks have room; memory is not seen");
    facts.disks[DISK_LOG].known = false;
    assert_says(facts, WITNESS_SILENT, "neither all disks nor memory can be seen");
    facts = well();
    facts.disks[DISK_HISTORY].known = false;
    assert_says(facts, WITNESS_WELL, "memory has room; not every disk is seen");
}

static void full_disks(void **unused)
{
    (void)unused;
    struct host_facts facts = well();
    facts.disks[DISK_LOG].free_bytes = 64 * 1024;
    check(facts, 3, NULL, NULL);
    facts.disks[DISK_LOG].free_bytes--;
    check(facts, 3, "log-disk-full", "the log's disk is full: 65535 bytes are free at /tmp/s.log");
    facts = well();
    facts.disks[DISK_HISTORY].free_files = 0;
    check(facts, 3, "",
          "the disk of the agent's history is full: no file can be made at /var/lib/h.db (no inode is free)");
}

static void the_scheduler_s_process(void **unused)
{
    (void)unused;
    struct host_facts facts = well();
    facts.process_state = 'T';
    check(facts, 3, "process-stopped", "the scheduler's process 77 is stopped (state T): a SIGSTOP, or a debugger");
    facts.process_state = 'D';
    check(facts, 3, "process-waits",
          "the scheduler's process 77 waits for a disk or a mount and cannot be interrupted (state D)");
    assert_int_equal(host_process_state("77 (py) T (x) R 1 2"), 'R');
    assert_int_equal(host_process_state("77 (python3) D 1 2"), 'D');
    assert_int_equal(host_process_state("77 (python3"), 0);
    assert_int_equal(host_process_state("77 (python3)"), 0);
    assert_int_equal(host_process_state(""), 0);
}

static void memory(void **unused)
{
    (void)unused;
    struct host_facts facts = well();
    facts.free_memory_kb = 100 << 10;
    check(facts, 3, "", "memory is short: 100 of 8192 MB are available");
    facts = well();
    facts.stalled_percent = 40;
    check(facts, 3, "", "memory is short: tasks waited for it in 40 % of the last minute");
    check(well(), 2, "", "the kernel has killed 1 process for lack of memory since the last cycle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_well_or_not_known_is_no_finding),
        cmocka_unit_test(only_what_is_seen_is_well),
        cmocka_unit_test(full_disks),
        cmocka_unit_test(the_scheduler_s_process),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
