/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budgets.h"
#include "frame.h"
#include "fuzz.h"

/*
 * Any bytes as a log of frames, whose first byte chooses the format: straight through one reader, and through two that hand their state over
 * after each line, as a restart does. Both ways must give the same messages, no message may be longer than what is read of it, and
 * each line of the file must be counted.
 */
struct told {
    uint64_t sum;
    int64_t messages;
};

static void hear(struct frames *frames, int64_t offset, struct told *told)
{
    struct frame_message message;
    while (frames_next(frames, &message)) {
        must(message.offset >= 0 && message.offset <= offset);
        told->messages++;
        told->sum = told->sum * 31 + (uint64_t)message.offset + (uint64_t)message.written_ms;
        /* The saved state has blanks where NULs were. */
        for (size_t i = 0; i < message.text.len; i++)
            told->sum = told->sum * 31 + (message.text.at[i] ? (unsigned char)message.text.at[i] : ' ');
    }
}

static void hand_over(struct frames *from, struct frames *to)
{
    struct archive archive;
    struct strbuf state = { 0 };
    archive_save_to(&archive, &state);
    frames_archive(from, &archive);
    archive_load_from(&archive, strbuf_slice(&state));
    frames_archive(to, &archive);
    strbuf_free(&state);
}

static enum frame_format take_format(struct slice *log)
{
    enum frame_format format = log->len > 0 && log->at[0] % 2 ? FRAME_DOCKER : FRAME_CRI;
    size_t used = log->len > 0 ? 1 : 0;
    *log = (struct slice){ log->at + used, log->len - used };
    return format;
}

static void read_log(struct slice log)
{
    struct told told = { 0 };
    struct frames *frames = frames_new(take_format(&log));
    for (int64_t offset = 0; log.len > 0; offset++) {
        struct slice line = cut_off(&log, "\n");
        frames_take(frames, line, offset);
        hear(frames, offset, &told);
        frame_guess(line);
    }
    frames_free(frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice log = { (const char *)data, size };
    struct told told = { 0 }, told_relayed = { 0 };
    fuzz_cost(read_log, log);
    enum frame_format format = take_format(&log);
    struct frames *straight = frames_new(format);
    struct frames *relayed[2] = { frames_new(format), frames_new(format) };
    int64_t lines = 0;
    for (; log.len > 0; lines++) {
        struct slice line = cut_off(&log, "\n");
        frames_take(straight, line, lines);
        hear(straight, lines, &told);
        frames_take(relayed[lines % 2], line, lines);
        hear(relayed[lines % 2], lines, &told_relayed);
        hand_over(relayed[lines % 2], relayed[(lines + 1) % 2]);
    }
    must(frames_counts(straight)->lines == lines && frames_counts(straight)->broken <= lines);
    frames_finish(straight);
    hear(straight, lines, &told);
    frames_finish(relayed[lines % 2]);
    hear(relayed[lines % 2], lines, &told_relayed);
    must(told.sum == told_relayed.sum && told.messages == told_relayed.messages);
    frames_free(straight);
    frames_free(relayed[0]);
    frames_free(relayed[1]);
    return 0;
}
