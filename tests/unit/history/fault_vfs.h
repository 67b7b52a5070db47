/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAULT_VFS_H
#define FAULT_VFS_H

/*
 * A SQLite VFS in front of the real one, in which the n-th change to a file (write, truncate or sync) goes wrong. It becomes
 * the default, so that the code under test uses it unknowingly; "unix" still names the real one.
 */

#include <semaphore.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_FULL,     /* SQLITE_FULL, nothing written */
    FAULT_IO,       /* SQLITE_IOERR, nothing written */
    FAULT_TORN,     /* half is written, then SQLITE_IOERR */
    FAULT_READONLY, /* SQLITE_READONLY */
    FAULT_KILL      /* half is written, then SIGKILL */
};

enum fault_length { FAULT_ONCE, FAULT_LASTING };

static struct {
    enum fault_kind kind;
    enum fault_length length;
    int countdown;
    int hits;
} fault;

/* A disk that takes its time: the n-th sync from now waits until it is let go. */
static struct {
    atomic_int countdown; /* 0: none */
    sem_t reached, let_go;
} slow_sync;

static inline void slow_sync_at(int nth)
{
    sem_init(&slow_sync.reached, 0, 0);
    sem_init(&slow_sync.let_go, 0, 0);
    atomic_store(&slow_sync.countdown, nth);
}

static void slow_sync_pass(void)
{
    if (atomic_load(&slow_sync.countdown) == 0 || atomic_fetch_sub(&slow_sync.countdown, 1) != 1)
        return;
    sem_post(&slow_sync.reached);
    sem_wait(&slow_sync.let_go);
}

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct, in the same memory */
};

static inline void fault_arm(enum fault_kind kind, enum fault_length length, int nth)
{
    fault.kind = kind;
    fault.length = length;
    fault.countdown = nth;
    fault.hits = 0;
}

static inline void fault_disarm(void)
{
    fault.kind = FAULT_NONE;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

/* Whether the change that is about to happen goes wrong. */
static int fault_strikes(void)
{
    if (fault.kind == FAULT_NONE)
        return 0;
    fault.countdown--;
    int strikes = fault.length == FAULT_ONCE ? fault.countdown == 0 : fault.countdown <= 0;
    fault.hits += strikes;
    return strikes;
}

static int fault_code(int io_code)
{
    if (fault.kind == FAULT_KILL)
        raise(SIGKILL);
    return fault.kind == FAULT_FULL ? SQLITE_FULL : fault.kind == FAULT_READONLY ? SQLITE_READONLY : io_code;
}

static int fault_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    sqlite3_file *real = real_of(file);
    if (!fault_strikes())
        return real->pMethods->xWrite(real, bytes, len, offset);
    if (fault.kind == FAULT_TORN || fault.kind == FAULT_KILL)
        real->pMethods->xWrite(real, bytes, len / 2, offset);
    return fault_code(SQLITE_IOERR_WRITE);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    return fault_strikes() ? fault_code(SQLITE_IOERR_TRUNCATE) : real->pMethods->xTruncate(real, size);
}

static int fault_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *real = real_of(file);
    slow_sync_pass();
    return fault_strikes() ? fault_code(SQLITE_IOERR_FSYNC) : real->pMethods->xSync(real, flags);
}

/* The rest passes through. */
static int pass_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int pass_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), bytes, len, offset);
}

static int pass_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int pass_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int pass_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int pass_check_lock(sqlite3_file *file, int *reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), reserved);
}

static int pass_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int pass_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int pass_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int pass_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, memory);
}

static int pass_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void pass_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int pass_shm_unmap(sqlite3_file *file, int remove_it)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove_it);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = pass_close,
    .xRead = pass_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = pass_size,
    .xLock = pass_lock,
    .xUnlock = pass_unlock,
    .xCheckReservedLock = pass_check_lock,
    .xFileControl = pass_control,
    .xSectorSize = pass_sector,
    .xDeviceCharacteristics = pass_device,
    .xShmMap = pass_shm_map,
    .xShmLock = pass_shm_lock,
    .xShmBarrier = pass_shm_barrier,
    .xShmUnmap = pass_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
    sqlite3_vfs *real = vfs->pAppData;
    struct fault_file *ours = (struct fault_file *)file;
    ours->real = (sqlite3_file *)(ours + 1);
    int code = real->xOpen(real, name, ours->real, flags, flags_out);
    ours->base.pMethods = ours->real->pMethods ? &fault_methods : NULL;
    return code;
}

static inline void fault_register(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *real = sqlite3_vfs_find("unix");
    memcpy(&vfs, real, sizeof vfs);
    vfs.pNext = NULL;
    vfs.zName = "fault";
    vfs.pAppData = real;
    vfs.szOsFile = (int)sizeof(struct fault_file) + real->szOsFile;
    vfs.xOpen = fault_open;
    sqlite3_vfs_register(&vfs, 1);
}

#endif
