/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for systemd on a private bus: `systemd_probe UNIT` owns org.freedesktop.systemd1 and answers about one unit. Each line on stdin
 * is a list of NAME=VALUE, which changes properties and is told as systemd tells it, or one word that changes how it answers: "well",
 * "silent" (not at all), "huge" (too much), "wrong" (with values of other types), "refuse" (by an error). Each line is acknowledged by "ok".
 */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

enum { NAMES = 14, VALUE_BYTES = 64, HUGE_BYTES = 16 << 20 };

static struct value {
    const char *name, *type;
    char text[VALUE_BYTES];
} values[NAMES] = {
    { "LoadState", "s", "loaded" },        { "ActiveState", "s", "active" },
    { "SubState", "s", "running" },        { "Result", "s", "success" },
    { "Restart", "s", "on-failure" },      { "ExecMainCode", "i", "0" },
    { "ExecMainStatus", "i", "0" },        { "NRestarts", "u", "0" },
    { "StartLimitBurst", "u", "5" },       { "MainPID", "u", "0" },
    { "ActiveEnterTimestamp", "t", "0" },  { "InactiveEnterTimestamp", "t", "0" },
    { "ExecMainExitTimestamp", "t", "0" }, { "Job", "j", "0" },
};

static char mode[VALUE_BYTES] = "well";

static void must(int code, const char *what)
{
    if (code >= 0)
        return;
    fprintf(stderr, "systemd_probe: %s: %s\n", what, strerror(-code));
    exit(1);
}

static void put_value(sd_bus_message *message, const struct value *value)
{
    uint64_t number = strtoull(value->text, NULL, 10);
    must(sd_bus_message_open_container(message, 'e', "sv"), "entry");
    must(sd_bus_message_append(message, "s", value->name), "name");
    if (strcmp(mode, "wrong") == 0)
        must(sd_bus_message_append(message, "v", "as", 2, "x", "y"), "value");
    else if (value->type[0] == 's')
        must(sd_bus_message_append(message, "v", "s", value->text), "value");
    else if (value->type[0] == 'i')
        must(sd_bus_message_append(message, "v", "i", (int32_t)strtol(value->text, NULL, 10)), "value");
    else if (value->type[0] == 'u')
        must(sd_bus_message_append(message, "v", "u", (uint32_t)number), "value");
    else if (value->type[0] == 't')
        must(sd_bus_message_append(message, "v", "t", number), "value");
    else
        must(sd_bus_message_append(message, "v", "(uo)", (uint32_t)number, "/"), "value");
    must(sd_bus_message_close_container(message), "entry");
}

static void put_values(sd_bus_message *message, const char *only)
{
    must(sd_bus_message_open_container(message, 'a', "{sv}"), "array");
    for (size_t i = 0; i < NAMES; i++)
        if (!only || strstr(only, values[i].name))
            put_value(message, &values[i]);
    if (strcmp(mode, "huge") == 0) {
        char *much = malloc(HUGE_BYTES + 1);
        if (!much)
            must(-1, "memory");
        memset(much, 'x', HUGE_BYTES);
        much[HUGE_BYTES] = '\0';
        must(sd_bus_message_append(message, "{sv}", "Description", "s", much), "description");
        free(much);
    }
    must(sd_bus_message_close_container(message), "array");
}

static int on_call(sd_bus_message *call, void *user, sd_bus_error *error)
{
    sd_bus_message *reply = NULL;
    (void)user;
    (void)error;
    if (strcmp(mode, "silent") == 0)
        return 1;
    if (sd_bus_message_is_method_call(call, "org.freedesktop.systemd1.Manager", "Subscribe"))
        return sd_bus_reply_method_return(call, "");
    if (!sd_bus_message_is_method_call(call, "org.freedesktop.DBus.Properties", "GetAll"))
        return 0;
    if (strcmp(mode, "refuse") == 0)
        return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_ACCESS_DENIED, "nobody may know");
    must(sd_bus_message_new_method_return(call, &reply), "reply");
    put_values(reply, NULL);
    must(sd_bus_send(NULL, reply, NULL), "reply");
    sd_bus_message_unref(reply);
    return 1;
}

static void tell_change(sd_bus *bus, const char *path)
{
    sd_bus_message *signal = NULL;
    must(sd_bus_message_new_signal(bus, &signal, path, "org.freedesktop.DBus.Properties", "PropertiesChanged"),
         "signal");
    must(sd_bus_message_append(signal, "s", "org.freedesktop.systemd1.Unit"), "signal");
    put_values(signal, "ActiveState SubState Job");
    must(sd_bus_message_append(signal, "as", 0), "signal");
    must(sd_bus_send(bus, signal, NULL), "signal");
    sd_bus_message_unref(signal);
}

static void take_line(sd_bus *bus, const char *path, char *line)
{
    bool changed = false;
    for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
        char *is = strchr(word, '=');
        if (!is)
            snprintf(mode, sizeof mode, "%s", word);
        for (size_t i = 0; is && i < NAMES; i++)
            if (strncmp(word, values[i].name, (size_t)(is - word)) == 0 && !values[i].name[is - word])
                snprintf(values[i].text, VALUE_BYTES, "%s", is + 1);
        changed = changed || is;
    }
    if (changed)
        tell_change(bus, path);
    must(sd_bus_flush(bus), "flush");
    puts("ok");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    sd_bus *bus = NULL;
    char *path = NULL, line[1024];
    if (argc != 2)
        must(-22, "usage: systemd_probe UNIT");
    must(sd_bus_open_system(&bus), "the bus");
    must(sd_bus_path_encode("/org/freedesktop/systemd1/unit", argv[1], &path), "the unit's path");
    must(sd_bus_add_fallback(bus, NULL, "/org/freedesktop/systemd1", on_call, NULL), "calls");
    must(sd_bus_request_name(bus, "org.freedesktop.systemd1", 0), "the name");
    puts("ready");
    fflush(stdout);
    for (;;) {
        int code = sd_bus_process(bus, NULL);
        must(code, "the bus");
        if (code > 0)
            continue;
        struct pollfd waiting[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                                    { .fd = sd_bus_get_fd(bus), .events = (short)sd_bus_get_events(bus) } };
        poll(waiting, 2, -1);
        if (!waiting[0].revents)
            continue;
        if (!fgets(line, sizeof line, stdin))
            break;
        take_line(bus, path, line);
    }
    free(path);
    sd_bus_unref(bus);
    return 0;
}
