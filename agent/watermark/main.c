/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/budgets.h"
#include "question.h"

/*
 * agent-watermark asks PostgreSQL for the offload's watermarks, once, for `agent run`. It is a program of its own because libpq brings
 * OpenSSL 3, whose licence does not go with the GPL version 2 alone of libinotifytools, and so that whatever happens in it stays here.
 */

/* libpq and the libraries below it take some 10 MB. Beyond this there is no memory: a row as large as that cannot be read. */
enum { MEMORY_MAX_BYTES = 64 << 20 };
/* The agent ends this program by a signal when the time is over. This holds where the agent itself is gone. */
enum { ALARM_AFTER_S = 2 };

/* A sanitizer reserves terabytes of address space and could not work within such a limit. */
static void limit_memory(void)
{
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    setrlimit(RLIMIT_DATA, &(struct rlimit){ MEMORY_MAX_BYTES, MEMORY_MAX_BYTES });
#endif
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a password passes through here */
}

static bool read_input(struct strbuf *input)
{
    char bytes[4096];
    size_t got;
    while (input->len <= WATERMARK_QUESTION_MAX_BYTES && (got = fread(bytes, 1, sizeof bytes, stdin)) > 0)
        strbuf_add(input, bytes, got);
    explicit_bzero(bytes, sizeof bytes);
    return !ferror(stdin) && input->len <= WATERMARK_QUESTION_MAX_BYTES;
}

int main(int argc, char **argv)
{
    struct question question = { 0 };
    struct strbuf input = { 0 };
    (void)argv;
    limit_memory();
    if (argc > 1 || isatty(STDIN_FILENO)) {
        fputs("agent-watermark: started by `agent run` only, which asks it on its standard input ([watermark] in "
              "agent.conf(5))\n",
              stderr);
        return 2;
    }
    bool good = read_input(&input) && question_read(strbuf_slice(&input), &question);
    if (good) {
        alarm((unsigned)(question.timeout_ms / 1000) + ALARM_AFTER_S);
        good = question_ask(&question);
    } else {
        fputs("agent-watermark: what stands on its standard input is no question\n", stderr);
    }
    free(question.tables);
    if (input.len)
        explicit_bzero(input.at, input.len);
    strbuf_free(&input);
    return good && fflush(stdout) == 0 ? 0 : 1;
}
