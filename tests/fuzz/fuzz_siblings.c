/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#define ZLIB_CONST
#include <zlib.h>

#include "agent/follow/inotify.h"
#include "base/strbuf.h"
#include "follow.h"
#include "fuzz.h"

/*
 * A directory of files beside a log, as the input says: what they are called, whose they are, of what kind, and what they hold. The
 * log itself was rotated, packed, copied or deleted, with a line in it that nobody has read. Needs root, to make files of three
 * users; without root nothing is tried.
 *
 * Held: no line of a stranger's file is handed out, no line of ours twice, the log's unread line always, and reading ends.
 *
 * The input: a byte for the way, a name for the log, then for each file a name and bytes for its kind, owner and content.
 */
enum { OURS = 1001, STRANGER = 1002, FILES_MAX = 24, READS_MAX = 200 };

enum way { WAY_LIVE, WAY_LIVE_COPIED, WAY_RESTART, WAY_PACKED, WAY_COPIED, WAY_DELETED, WAYS };

enum kind {
    KIND_PLAIN,
    KIND_PACKED,
    KIND_CUT,
    KIND_FIFO,
    KIND_DIRECTORY,
    KIND_LINK,
    KIND_SOCKET,
    KIND_HARD_LINK,
    KINDS
};

static const char *const NAMES[] = { ".1",           ".2",       ".0",     ".10",    "-20260212",
                                     ".20260101",    ".1~",      ".bak",   ".XYZ",   ".2026-02-12_10:00:00",
                                     ".99.backup",   ".1.xz",    "-1.zst", ".1.GZ",  ".2.gz",
                                     "-20260101.gz", ".1.gz.gz", ".gz",    ".",      "-",
                                     ".1x",          "..1",      ".-1",    ".00001", ".99999999999999999999",
                                     ".1.gz",        "~",        "1",      "",       ".new" };
enum { NAME_COUNT = sizeof NAMES / sizeof NAMES[0] };

static const char *const COMPRESSED[] = { ".gz", ".xz", ".bz2", ".zst", ".lz4", ".lzma", ".Z" };

/* What one input makes, and what was handed out. */
static struct bench {
    struct follow *follow;
    struct source_position position; /* behind our first line */
    bool has_position;
    int seen[FILES_MAX + 4]; /* of our lines, by their number */
    int made;                /* lines of ours, made so far */
    char log_name[96];       /* where the log's content is now */
} bench;

static char directory[32], path[48];

/*
 * Nothing is watched: the kernel takes ten milliseconds to give an inotify instance back, which would be most of a run's time. These
 * stand for agent/follow/inotify.c, which the linker leaves out.
 */
int inotify_open(void)
{
    return ENOSYS;
}

void inotify_close(void)
{
}

int inotify_watch_directory(const char *name)
{
    (void)name;
    return ENOSYS;
}

int inotify_watch_file(int fd)
{
    (void)fd;
    return ENOSYS;
}

void inotify_unwatch_file(int fd)
{
    (void)fd;
}

bool inotify_is_blind(int fd)
{
    (void)fd;
    return false;
}

enum inotify_outcome inotify_next(int timeout_s, struct inotify_notice *notice)
{
    (void)timeout_s;
    (void)notice;
    return INOTIFY_FAILED;
}

/* --- the directory ------------------------------------------------------------------------------------------- */

static void clear_directory(void)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    must(stream != NULL);
    while ((entry = readdir(stream)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            must(unlinkat(dirfd(stream), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0) == 0);
    closedir(stream);
}

static void remove_directory(void)
{
    clear_directory();
    rmdir(directory);
}

static void make_directory(void)
{
    struct stat st;
    if (directory[0] != '\0')
        return;
    strcpy(directory, stat("/dev/shm", &st) == 0 ? "/dev/shm/siblings-XXXXXX" : "/tmp/siblings-XXXXXX");
    must(mkdtemp(directory) != NULL && chmod(directory, 01777) == 0);
    snprintf(path, sizeof path, "%s/log", directory);
    atexit(remove_directory);
}

/* --- what is handed out -------------------------------------------------------------------------------------- */

/* A file that was cut off may end in the piece of a line. */
static void hear_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    (void)ctx;
    must(offset >= 0);
    must(!memmem(line, len, "stranger", strlen("stranger")));
    if (len != strlen("ours 000000") || memcmp(line, "ours ", 5) != 0)
        return;
    long number = strtol(line + 5, NULL, 10);
    must(number >= 0 && number < bench.made);
    must(bench.seen[number]++ == 0);
}

static void hear_note(void *ctx, enum follow_note note, const char *text)
{
    (void)ctx;
    must(note >= FOLLOW_WAITING && note <= FOLLOW_OVERFLOW);
    must(text[0] != '\0');
}

static void open_follow(void)
{
    struct follow_sink sink = { NULL, hear_line, hear_note };
    struct strbuf error = { 0 };
    bench.follow = follow_open(path, NULL, &bench.position, bench.has_position, &sink, &error);
    must(bench.follow != NULL);
    strbuf_free(&error);
}

static void read_all(void)
{
    int reads = 0;
    while (follow_read(bench.follow, 64 * 1024) == FOLLOW_MORE)
        must(++reads < READS_MAX);
}

/* A start with what the earlier run stored; nothing that it read comes again. */
static void restart_and_read(struct slice input)
{
    (void)input;
    memset(bench.seen, 0, sizeof bench.seen);
    bench.seen[0] = 1;
    open_follow();
    read_all();
    follow_free(bench.follow);
}

/* --- what is made -------------------------------------------------------------------------------------------- */

/* One more line of ours, with a number of its own. */
static void add_ours(struct strbuf *text)
{
    must((size_t)bench.made < sizeof bench.seen / sizeof bench.seen[0]);
    strbuf_printf(text, "ours %06d\n", bench.made++);
}

static void write_file(const char *name, struct slice text, uid_t owner)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return; /* the input calls two files the same */
    must(write(fd, text.at, text.len) == (ssize_t)text.len && fchown(fd, owner, owner) == 0);
    close(fd);
}

static void append_to_log(struct slice text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    must(fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len);
    close(fd);
}

/* Without the last bytes, if cut is not 0. */
static void write_packed(const char *name, struct slice text, uid_t owner, size_t cut)
{
    unsigned char packed[256];
    z_stream stream = { 0 };
    must(deflateInit2(&stream, 1, Z_DEFLATED, 31, 1, Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = (const Bytef *)text.at;
    stream.avail_in = (uInt)text.len;
    stream.next_out = packed;
    stream.avail_out = sizeof packed;
    must(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    write_file(name, (struct slice){ (const char *)packed, stream.total_out - cut }, owner);
    deflateEnd(&stream);
}

static void make_socket(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0)
        must(errno == EADDRINUSE || errno == EINVAL);
    close(server);
}

/* What has that name already stays what it is. */
static void make_kind(enum kind kind, const char *name, struct slice text, uid_t owner, unsigned content)
{
    int made = 0;
    switch (kind) {
    case KIND_PLAIN: write_file(name, text, owner); return;
    case KIND_PACKED: write_packed(name, text, owner, 0); return;
    case KIND_CUT: write_packed(name, text, owner, content % 20); return;
    case KIND_SOCKET: make_socket(name); return;
    case KIND_HARD_LINK: made = link(path, name); break; /* of the log, if that is there */
    case KIND_FIFO: made = mkfifo(name, 0666); break;
    case KIND_DIRECTORY: made = mkdir(name, 0777); break;
    case KIND_LINK: made = symlink(content & 1 ? "/etc/passwd" : path, name); break;
    case KINDS: break;
    }
    if (made == 0 && kind != KIND_HARD_LINK)
        must(lchown(name, owner, owner) == 0);
}

static unsigned take_byte(struct slice *input)
{
    if (input->len == 0)
        return 0;
    unsigned byte = (unsigned char)input->at[0];
    *input = (struct slice){ input->at + 1, input->len - 1 };
    return byte;
}

/* A name beside the log: one of the above, or of the input's own bytes. */
static void take_name(struct slice *input, char name[static 96])
{
    unsigned first = take_byte(input);
    size_t len = strlen(path);
    memcpy(name, path, len + 1);
    if (first < 5 * NAME_COUNT) {
        snprintf(name + len, 96 - len, "%s", NAMES[first % NAME_COUNT]);
        return;
    }
    name[len++] = first & 1 ? '.' : '-';
    for (unsigned wanted = first % 8 + 1; wanted > 0; wanted--) {
        char byte = (char)take_byte(input);
        name[len++] = byte == '/' || byte == '\0' ? '_' : byte;
    }
    name[len] = '\0';
}

/* A stranger's file may begin as the log did, so that it passes for a copy of it. */
static void make_file(struct slice *input)
{
    char name[96];
    struct strbuf text = { 0 };
    take_name(input, name);
    enum kind kind = take_byte(input) % KINDS;
    unsigned whose = take_byte(input) % 4, content = take_byte(input);
    uid_t owner = whose == 0 ? OURS : whose == 1 ? 0 : STRANGER;

    if (strcmp(name, path) == 0)
        return;
    if (owner != STRANGER && content & 4)
        add_ours(&text);
    if (owner == STRANGER)
        strbuf_printf(&text, "%s%s", content & 2 ? "ours 000000\n" : "", content & 4 ? "stranger\n" : "");
    make_kind(kind, name, strbuf_slice(&text), owner, content);
    strbuf_free(&text);
}

/* --- what became of the log ---------------------------------------------------------------------------------- */

static bool is_live(enum way way)
{
    return way == WAY_LIVE || way == WAY_LIVE_COPIED;
}

static bool is_copied(enum way way)
{
    return way == WAY_COPIED || way == WAY_LIVE_COPIED;
}

/* A log with one line that is read and one that is not. In the live ways it is followed on. */
static void begin_log(enum way way, struct strbuf *text)
{
    add_ours(text);
    write_file(path, strbuf_slice(text), OURS);
    open_follow();
    read_all();
    must(bench.seen[0] == 1 && follow_positions(bench.follow, &bench.position, 1) == 1);
    bench.has_position = true;
    if (!is_live(way))
        follow_free(bench.follow);
    size_t read = text->len;
    add_ours(text);
    append_to_log((struct slice){ text->at + read, text->len - read });
}

static bool ends_in(const char *name, const char *end)
{
    size_t name_len = strlen(name), end_len = strlen(end);
    return name_len >= end_len && strcmp(name + name_len - end_len, end) == 0;
}

/* Where the log goes: a name that can be found again, unless it was packed by something else than gzip. */
static void choose_log_name(enum way way, struct slice *input)
{
    take_name(input, bench.log_name);
    const char *suffix = bench.log_name + strlen(path);
    bool usable = (suffix[0] == '.' || suffix[0] == '-') && suffix[1] != '\0';
    for (size_t i = 0; i < sizeof COMPRESSED / sizeof COMPRESSED[0]; i++)
        usable = usable && !ends_in(suffix, COMPRESSED[i]);
    if (!usable)
        snprintf(bench.log_name, sizeof bench.log_name, "%s.1", path);
    if (way == WAY_PACKED)
        strcat(bench.log_name, ".gz");
}

static void end_log(enum way way, struct slice text)
{
    switch (way) {
    case WAY_LIVE:
    case WAY_RESTART: must(rename(path, bench.log_name) == 0); break;
    case WAY_PACKED: write_packed(bench.log_name, text, OURS, 0); break;
    case WAY_COPIED:
    case WAY_LIVE_COPIED:
        write_file(bench.log_name, text, OURS);
        must(truncate(path, 0) == 0);
        break;
    case WAY_DELETED:
    case WAYS: break;
    }
    if (way == WAY_PACKED || way == WAY_DELETED)
        must(unlink(path) == 0);
}

/* What is at the path in the end: a new log with one line, or a stranger's file. Returns the line's number, 0 if there is none. */
static int begin_next_log(enum way way, bool forged)
{
    struct strbuf text = { 0 };
    int number = forged && !is_copied(way) ? 0 : bench.made;
    if (number)
        add_ours(&text);
    else
        strbuf_puts(&text, "ours 000000\nstranger\n");
    if (is_copied(way))
        append_to_log(strbuf_slice(&text));
    else
        write_file(path, strbuf_slice(&text), number ? OURS : STRANGER);
    strbuf_free(&text);
    return number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = { (const char *)data, size };
    struct strbuf text = { 0 };
    if (geteuid() != 0)
        return 0;
    make_directory();
    clear_directory();
    bench = (struct bench){ 0 };

    unsigned first = take_byte(&input);
    enum way way = first % WAYS;
    choose_log_name(way, &input);
    begin_log(way, &text);
    end_log(way, strbuf_slice(&text));
    for (int i = 0; i < FILES_MAX && input.len > 0; i++)
        make_file(&input);
    int last = begin_next_log(way, first & 0x80);
    if (is_live(way)) {
        for (int i = 0; i < 2; i++) /* the first is for the file that was opened */
            follow_wait(bench.follow, 0);
        read_all();
        follow_free(bench.follow);
    } else {
        fuzz_cost(restart_and_read, input);
    }
    must(way == WAY_DELETED || bench.seen[1] == 1);
    must(last == 0 || bench.seen[last] == 1);
    strbuf_free(&text);
    return 0;
}
