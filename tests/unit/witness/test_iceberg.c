/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "agent/witness/iceberg.h"
#include "base/budgets.h"
#include "base/clock.h"

/* A warehouse in a temporary folder, with one table, cold.trades. */
struct warehouse {
    char path[64];
    char metadata[128];
};

static int begin_warehouse(void **state)
{
    struct warehouse *warehouse = calloc(1, sizeof *warehouse);
    char path[128];
    strcpy(warehouse->path, "/tmp/iceberg-XXXXXX");
    if (!mkdtemp(warehouse->path))
        return -1;
    snprintf(path, sizeof path, "%s/cold", warehouse->path);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/cold/trades", warehouse->path);
    mkdir(path, 0755);
    snprintf(warehouse->metadata, sizeof warehouse->metadata, "%s/cold/trades/metadata", warehouse->path);
    mkdir(warehouse->metadata, 0755);
    *state = warehouse;
    return 0;
}

static int end_warehouse(void **state)
{
    struct warehouse *warehouse = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", warehouse->path);
    int code = system(command);
    free(warehouse);
    return code;
}

static void put_bytes(const struct warehouse *warehouse, const char *name, const void *bytes, size_t len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", warehouse->metadata, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static void put(const struct warehouse *warehouse, const char *name, const char *text)
{
    put_bytes(warehouse, name, text, strlen(text));
}

static void add_snapshot(struct strbuf *list, int64_t id, int64_t parent, int64_t at_ms, const char *operation,
                         const char *added)
{
    strbuf_printf(list, "%s{\"sequence-number\": 1, \"snapshot-id\": %lld, ", list->len ? ", " : "", (long long)id);
    if (parent >= 0)
        strbuf_printf(list, "\"parent-snapshot-id\": %lld, ", (long long)parent);
    strbuf_printf(list,
                  "\"timestamp-ms\": %lld, \"summary\": {\"operation\": \"%s\", \"spark.app.id\": \"a}],{\\\"\", "
                  "\"added-records\": \"%s\", \"total-records\": \"1000\"}, \"manifest-list\": \"s3://x/snap.avro\"}",
                  (long long)at_ms, operation, added);
}

/* The metadata with those snapshots; the caller frees it. */
static char *metadata_of(const struct strbuf *list, int64_t current)
{
    struct strbuf text = { 0 };
    strbuf_printf(&text,
                  "{\"format-version\": 2, \"table-uuid\": \"u\", \"schemas\": [{\"fields\": [{\"id\": 1, "
                  "\"name\": \"snapshots\"}]}], \"current-snapshot-id\": %lld, \"refs\": {\"main\": "
                  "{\"snapshot-id\": 5}}, \"snapshots\": [%s], \"snapshot-log\": [{\"snapshot-id\": 1}]}",
                  (long long)current, strbuf_text(list));
    return text.at;
}

static bool ask(const struct warehouse *warehouse, int64_t since_ms, struct iceberg_answer *answer, struct strbuf *why)
{
    return iceberg_ask(warehouse->path, "cold.trades", since_ms, clock_running_ms() + 3000, answer, why);
}

static void assert_answer(const struct warehouse *warehouse, int64_t since_ms, int64_t added, int64_t moved_ms)
{
    struct iceberg_answer answer;
    struct strbuf why = { 0 };
    if (!ask(warehouse, since_ms, &answer, &why))
        fail_msg("%s", strbuf_text(&why));
    assert_int_equal(answer.added, added);
    assert_int_equal(answer.moved_ms, moved_ms);
    strbuf_free(&why);
}

static void assert_refused(const struct warehouse *warehouse, const char *words)
{
    struct iceberg_answer answer;
    struct strbuf why = { 0 };
    assert_false(ask(warehouse, 0, &answer, &why));
    if (!strstr(strbuf_text(&why), words))
        fail_msg("'%s' is not in: %s", words, strbuf_text(&why));
    strbuf_free(&why);
}

static void the_version_is_in_the_name(void **unused)
{
    (void)unused;
    assert_int_equal(iceberg_version("v12.metadata.json"), 12);
    assert_int_equal(iceberg_version("v7.gz.metadata.json"), 7);
    assert_int_equal(iceberg_version("v7.metadata.json.gz"), 7);
    assert_int_equal(iceberg_version("00012-9f1c-4a.metadata.json"), 12);
    assert_int_equal(iceberg_version("00012-9f1c-4a.gz.metadata.json"), 12);
    assert_int_equal(iceberg_version("vx.metadata.json"), -1);
    assert_int_equal(iceberg_version("12.metadata.json"), -1);
    assert_int_equal(iceberg_version(".metadata.json"), -1);
    assert_int_equal(iceberg_version("v12.metadata.json.tmp"), -1);
    assert_int_equal(iceberg_version("99999999999999999999-a.metadata.json"), -1);
    assert_int_equal(iceberg_version("snap-123.avro"), -1);
}

static void appends_are_counted_and_compaction_is_not(void **state)
{
    const struct warehouse *warehouse = *state;
    struct strbuf list = { 0 };
    add_snapshot(&list, 11, -1, 1000, "append", "10");
    add_snapshot(&list, 12, 11, 2000, "append", "20");
    add_snapshot(&list, 13, 12, 3000, "overwrite", "5");
    add_snapshot(&list, 14, 13, 4000, "replace", "400");
    add_snapshot(&list, 15, 14, 5000, "delete", "0");
    char *text = metadata_of(&list, 15);
    put(warehouse, "v3.metadata.json", text);
    put(warehouse, "version-hint.text", "3");
    assert_answer(warehouse, 1500, 25, 3000);
    assert_answer(warehouse, 3500, 0, 3000);
    assert_answer(warehouse, 0, 35, 3000);
    free(text);
    strbuf_free(&list);
}

static void a_rollback_makes_an_older_snapshot_current(void **state)
{
    const struct warehouse *warehouse = *state;
    struct strbuf list = { 0 };
    add_snapshot(&list, 9007199254740993, -1, 1000, "append", "10");
    add_snapshot(&list, 9007199254740995, 9007199254740993, 2000, "append", "20");
    char *text = metadata_of(&list, 9007199254740993);
    put(warehouse, "v4.metadata.json", text);
    put(warehouse, "version-hint.text", "3\n"); /* the hint is late */
    put(warehouse, "v3.metadata.json", "{}");
    assert_answer(warehouse, 1500, 0, 1000);
    free(text);
    strbuf_free(&list);
}

static void a_catalog_s_names_need_no_hint(void **state)
{
    const struct warehouse *warehouse = *state;
    struct strbuf old = { 0 }, list = { 0 };
    add_snapshot(&old, 1, -1, 1000, "append", "10");
    add_snapshot(&list, 1, -1, 1000, "append", "10");
    add_snapshot(&list, 2, 1, 2000, "append", "7");
    char *before = metadata_of(&old, 1), *after = metadata_of(&list, 2);
    put(warehouse, "00009-aaaa.metadata.json", before);
    char path[512];
    snprintf(path, sizeof path, "%s/00010-bbbb.gz.metadata.json", warehouse->metadata);
    gzFile packed = gzopen(path, "wb");
    assert_int_equal(gzwrite(packed, after, (unsigned)strlen(after)), strlen(after));
    gzclose(packed);
    assert_answer(warehouse, 1500, 7, 2000);
    free(before);
    free(after);
    strbuf_free(&old);
    strbuf_free(&list);
}

/* Sets the time of the file's last write back. */
static void age(const struct warehouse *warehouse, const char *name, int64_t seconds)
{
    char path[512];
    struct timespec at = { .tv_sec = clock_now_ms() / 1000 - seconds };
    snprintf(path, sizeof path, "%s/%s", warehouse->metadata, name);
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){ at, at }, 0), 0);
}

static void a_half_written_file_gives_way_to_the_one_before(void **state)
{
    const struct warehouse *warehouse = *state;
    struct strbuf list = { 0 };
    add_snapshot(&list, 1, -1, 1000, "append", "10");
    char *text = metadata_of(&list, 1);
    put(warehouse, "v1.metadata.json", text);
    put_bytes(warehouse, "v2.metadata.json", text, strlen(text) / 2);
    put(warehouse, "version-hint.text", "2");
    assert_answer(warehouse, 0, 10, 1000);
    age(warehouse, "v2.metadata.json", 120);
    assert_refused(warehouse, "not whole");
    age(warehouse, "v2.metadata.json", 0);
    put_bytes(warehouse, "v1.metadata.json", text, strlen(text) / 2);
    assert_refused(warehouse, "not whole");
    free(text);
    strbuf_free(&list);
}

static void a_snapshot_from_the_future_is_not_believed(void **state)
{
    struct strbuf list = { 0 };
    add_snapshot(&list, 1, -1, clock_now_ms() + INT64_C(2) * WITNESS_AHEAD_MAX_MS, "append", "10");
    char *text = metadata_of(&list, 1);
    put(*state, "v1.metadata.json", text);
    assert_refused(*state, "from the future");
    free(text);
    strbuf_free(&list);
}

static void an_empty_table_has_no_snapshot(void **state)
{
    struct strbuf list = { 0 };
    char *text = metadata_of(&list, -1);
    put(*state, "v1.metadata.json", text);
    assert_answer(*state, 0, 0, 0);
    free(text);
}

static void lies_are_refused(void **state)
{
    struct strbuf list = { 0 };
    add_snapshot(&list, 1, -1, 1000, "append", "-10");
    char *text = metadata_of(&list, 1);
    put(*state, "v1.metadata.json", text);
    assert_answer(*state, 0, -1, 1000); /* it moved rows, and does not say how many */
    free(text);
    strbuf_clear(&list);
    add_snapshot(&list, 1, -1, 900000000000000000, "append", "10");
    text = metadata_of(&list, 1);
    put(*state, "v1.metadata.json", text);
    assert_refused(*state, "not as Iceberg writes it");
    free(text);
    put(*state, "v1.metadata.json", "}");
    assert_refused(*state, "not as Iceberg writes it");
    strbuf_free(&list);
}

static void parents_in_a_circle_end(void **state)
{
    struct strbuf list = { 0 };
    add_snapshot(&list, 1, 2, 1000, "delete", "0");
    add_snapshot(&list, 2, 1, 2000, "delete", "0");
    char *text = metadata_of(&list, 1);
    put(*state, "v1.metadata.json", text);
    assert_answer(*state, 0, 0, 0);
    free(text);
    strbuf_free(&list);
}

static void links_and_ways_out_are_refused(void **state)
{
    const struct warehouse *warehouse = *state;
    char path[512];
    struct iceberg_answer answer;
    struct strbuf why = { 0 }, list = { 0 };
    char *text = metadata_of(&list, -1);
    put(warehouse, "real", text);
    snprintf(path, sizeof path, "%s/v1.metadata.json", warehouse->metadata);
    assert_int_equal(symlink("real", path), 0);
    assert_refused(warehouse, "no metadata");
    assert_false(iceberg_ask(warehouse->path, "cold..trades", 0, clock_running_ms() + 3000, &answer, &why));
    strbuf_clear(&why);
    assert_false(iceberg_ask(warehouse->path, "cold/trades", 0, clock_running_ms() + 3000, &answer, &why));
    strbuf_clear(&why);
    assert_false(iceberg_ask(warehouse->path, "", 0, clock_running_ms() + 3000, &answer, &why));
    strbuf_free(&why);
    free(text);
}

static void strangers_files_are_refused(void **state)
{
    const struct warehouse *warehouse = *state;
    char path[512];
    struct strbuf list = { 0 };
    if (geteuid() != 0)
        skip_because("needs root, to make a file of another user");
    add_snapshot(&list, 1, -1, 1000, "append", "10");
    char *text = metadata_of(&list, 1);
    put(warehouse, "v1.metadata.json", text);
    put(warehouse, "v2.metadata.json", text);
    snprintf(path, sizeof path, "%s/v2.metadata.json", warehouse->metadata);
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_answer(warehouse, 0, 10, 1000);
    unlink(path);
    snprintf(path, sizeof path, "%s/v1.metadata.json", warehouse->metadata);
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_refused(warehouse, "owner");
    free(text);
    strbuf_free(&list);
}

static void ten_thousand_snapshots_are_read(void **state)
{
    struct strbuf list = { 0 };
    for (int64_t id = 0; id < 10000; id++)
        add_snapshot(&list, id + 1, id ? id : -1, 1000 * id, "append", "3");
    char *text = metadata_of(&list, 10000);
    put(*state, "v1.metadata.json", text);
    assert_answer(*state, 9000 * 1000, 3000, 9999 * 1000);
    free(text);
    strbuf_free(&list);
}

int main(void)
{
#define IN_WAREHOUSE(test) cmocka_unit_test_setup_teardown(test, begin_warehouse, end_warehouse)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_in_the_name),
        IN_WAREHOUSE(appends_are_counted_and_compaction_is_not),
        IN_WAREHOUSE(a_rollback_makes_an_older_snapshot_current),
        IN_WAREHOUSE(a_catalog_s_names_need_no_hint),
        IN_WAREHOUSE(a_half_written_file_gives_way_to_the_one_before),
        IN_WAREHOUSE(a_snapshot_from_the_future_is_not_believed),
        IN_WAREHOUSE(an_empty_table_has_no_snapshot),
        IN_WAREHOUSE(lies_are_refused),
        IN_WAREHOUSE(parents_in_a_circle_end),
        IN_WAREHOUSE(links_and_ways_out_are_refused),
        IN_WAREHOUSE(strangers_files_are_refused),
        IN_WAREHOUSE(ten_thousand_snapshots_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
