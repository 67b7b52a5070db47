/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "screen.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal.h"

/* The alternate screen and no cursor; and back, in no colour. */
static const char take_terminal[] = "\033[?1049h\033[?25l", give_back_terminal[] = "\033[0m\033[?25h\033[?1049l";

static volatile sig_atomic_t exit_code;

/*
 * The handlers below do all their work themselves. A flag would be looked at too late: only after a component that hangs has had its
 * whole timeout. What they call is async-signal-safe (signal-safety(7)).
 */
static void end_process(int signal_number)
{
    (void)signal_number;
    _exit(exit_code);
}

/* There is nothing to be done about a terminal that takes nothing: it is closed. */
static void write_terminal(const char *text, size_t len)
{
    if (write(STDOUT_FILENO, text, len) < 0)
        return;
}

static void end_on_terminal(int signal_number)
{
    write_terminal(give_back_terminal, sizeof give_back_terminal - 1);
    end_process(signal_number);
}

static void handle(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART | flags };

    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

static void handle_stop(void);

/* A process group in the background must leave the terminal alone. -1 means that it is not the terminal of this session. */
static void stop_in_background(void)
{
    pid_t foreground = tcgetpgrp(STDOUT_FILENO);

    if (foreground > 0 && foreground != getpgrp())
        raise(SIGTTOU);
}

/*
 * The process goes on after a stop, be it of Ctrl-Z or of SIGSTOP. `bg` continues it in the background, where it stops again: the SIGCONT of
 * a later `fg` waits until this handler returns, and runs it once more.
 */
static void go_on_on_terminal(int signal_number)
{
    int error = errno; /* of what was interrupted */

    (void)signal_number;
    stop_in_background();
    write_terminal(take_terminal, sizeof take_terminal - 1);
    handle_stop();
    errno = error;
}

static void stop_on_terminal(int signal_number)
{
    write_terminal(give_back_terminal, sizeof give_back_terminal - 1);
    raise(signal_number);
    go_on_on_terminal(signal_number);
}

/* SA_RESETHAND and SA_NODEFER make the signal, when the handler raises it again, stop the process there and then. */
static void handle_stop(void)
{
    handle(SIGTSTP, stop_on_terminal, (int)(SA_RESETHAND | SA_NODEFER));
}

/* A handler that does nothing ends a sleep, which an ignored signal does not. */
static void wake(int signal_number)
{
    (void)signal_number;
}

void screen_begin(enum screen_kind kind)
{
    static const int endings[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        struct sigaction before;
        sigaction(endings[i], NULL, &before);
        if (before.sa_handler != SIG_IGN) /* nohup, for one, has it ignored */
            handle(endings[i], kind == SCREEN_TERMINAL ? end_on_terminal : end_process, 0);
    }
    if (kind == SCREEN_STREAM)
        return;
    stop_in_background();
    handle_stop();
    handle(SIGCONT, go_on_on_terminal, 0);
    handle(SIGWINCH, wake, 0);
    fputs(take_terminal, stdout);
}

void screen_set_exit_code(int code)
{
    exit_code = code;
}

static size_t count_rows(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : SIZE_MAX;
}

/* Writes over the old picture without clearing it first, so that nothing flickers. Lines beyond the last row would make it scroll. */
static void draw(const char *line, size_t rows, struct strbuf *out)
{
    strbuf_puts(out, "\033[H");
    for (size_t row = 0; *line && row < rows; row++) {
        size_t len = strcspn(line, "\n");
        strbuf_puts(out, row > 0 ? "\r\n" : "");
        strbuf_add(out, line, len);
        strbuf_puts(out, "\033[K");
        line += len + (line[len] == '\n');
    }
    strbuf_puts(out, "\033[0m\033[J");
}

bool screen_show(enum screen_kind kind, const struct strbuf *picture)
{
    struct strbuf out = { 0 };

    if (kind == SCREEN_TERMINAL)
        draw(strbuf_text(picture), count_rows(), &out);
    else
        strbuf_printf(&out, "%s\n", strbuf_text(picture));
    bool shown = terminal_print(&out);
    strbuf_free(&out);
    return shown;
}

void screen_end(enum screen_kind kind)
{
    if (kind == SCREEN_TERMINAL)
        fputs(give_back_terminal, stdout);
}
