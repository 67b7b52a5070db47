/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ran.h"

int64_t ran_hash(struct slice table)
{
    uint64_t hash = table.len, bytes = 0;
    for (size_t at = 0; at + sizeof bytes < table.len; at += sizeof bytes) {
        memcpy(&bytes, table.at + at, sizeof bytes);
        hash = (hash ^ bytes) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    if (table.len >= sizeof bytes)
        memcpy(&bytes, table.at + table.len - sizeof bytes, sizeof bytes);
    else
        memcpy(&bytes, table.at, table.len);
    hash = (hash ^ bytes) * UINT64_C(0x9e3779b97f4a7c15);
    return (int64_t)(hash ^ hash >> 32);
}

void ran_add(struct ran *ran, struct slice table)
{
    ran->hashes[ran->count++ % ENDED_TABLES_MAX] = ran_hash(table);
}

bool ran_has(const struct ran *ran, struct slice table)
{
    int64_t hash = ran_hash(table);
    for (size_t i = 0; i < ran->count && i < ENDED_TABLES_MAX; i++)
        if (ran->hashes[i] == hash)
            return true;
    return false;
}

void ran_archive(struct ran *ran, struct archive *archive)
{
    int64_t all = (int64_t)ran->count;
    size_t kept = ran->count < ENDED_TABLES_MAX ? ran->count : ENDED_TABLES_MAX;
    archive_i64(archive, "ended_count", &all);
    archive_i64s(archive, "ended", ran->hashes, &kept, ENDED_TABLES_MAX);
    if (archive_loading(archive))
        ran->count = kept == ENDED_TABLES_MAX && all > ENDED_TABLES_MAX ? (size_t)all : kept;
}
