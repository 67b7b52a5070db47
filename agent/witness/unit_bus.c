/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <systemd/sd-bus.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "unit.h"

/*
 * The connection to the system bus. systemd tells of changes only to those who subscribed, and such a signal has only some properties, so
 * each change is followed by a question for all. The reply of GetAll is one moment's state: state and result belong together.
 */

static const char SERVICE[] = "org.freedesktop.systemd1", PLACE[] = "/org/freedesktop/systemd1";
static const char MANAGER[] = "org.freedesktop.systemd1.Manager", PROPERTIES[] = "org.freedesktop.DBus.Properties";

enum { ANSWER_WAIT_MS = 3000, USEC_PER_MSEC = 1000, WINDOW_MS = 60 * 1000 };

struct unit_bus {
    sd_bus *bus;
    char *path; /* of the unit's object */
    struct unit_bus_sink sink;
    struct unit_facts facts; /* the newest */
    int64_t answer_due_ms;   /* running: 0: nothing is asked */
    int64_t window_ms;       /* running: when counting of bytes began */
    int64_t window_bytes;
    int failure; /* errno of what ended the connection for good; 0: nothing */
    char failure_text[200];
};

/* --- properties ----------------------------------------------------------------------------------------------- */

enum property_type {
    PROPERTY_TEXT,
    PROPERTY_INT32,
    PROPERTY_UINT32,
    PROPERTY_UINT64,
    PROPERTY_INVOCATION,
    PROPERTY_JOB
};

#define FACT(member) offsetof(struct unit_facts, member)

static const struct property {
    const char *name, *signature;
    enum property_type type;
    size_t offset;
} properties[] = {
    { "LoadState", "s", PROPERTY_TEXT, FACT(load_state) },
    { "ActiveState", "s", PROPERTY_TEXT, FACT(active_state) },
    { "SubState", "s", PROPERTY_TEXT, FACT(sub_state) },
    { "Result", "s", PROPERTY_TEXT, FACT(result) },
    { "Restart", "s", PROPERTY_TEXT, FACT(restart) },
    { "InvocationID", "ay", PROPERTY_INVOCATION, FACT(invocation) },
    { "ExecMainCode", "i", PROPERTY_INT32, FACT(exit_code) },
    { "ExecMainStatus", "i", PROPERTY_INT32, FACT(exit_status) },
    { "NRestarts", "u", PROPERTY_UINT32, FACT(restarts) },
    { "StartLimitBurst", "u", PROPERTY_UINT32, FACT(start_limit) },
    { "MainPID", "u", PROPERTY_UINT32, FACT(main_pid) },
    { "Job", "(uo)", PROPERTY_JOB, FACT(job) },
    { "ActiveEnterTimestamp", "t", PROPERTY_UINT64, FACT(active_us) },
    { "InactiveEnterTimestamp", "t", PROPERTY_UINT64, FACT(inactive_us) },
    { "ExecMainExitTimestamp", "t", PROPERTY_UINT64, FACT(exit_us) },
};

static int read_invocation(sd_bus_message *message, char *place)
{
    const void *bytes;
    size_t len;
    int code = sd_bus_message_read_array(message, 'y', &bytes, &len);
    place[0] = '\0';
    for (size_t i = 0; code >= 0 && i < len && i < 16; i++)
        snprintf(place + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    return code;
}

static int read_text(sd_bus_message *message, char *place)
{
    const char *text;
    int code = sd_bus_message_read(message, "s", &text);
    if (code >= 0)
        snprintf(place, UNIT_WORD_BYTES, "%s", text);
    return code;
}

static int read_value(sd_bus_message *message, const struct property *property, void *place)
{
    const char *path;
    int code = sd_bus_message_enter_container(message, 'v', property->signature);
    if (code < 0)
        return code;
    switch (property->type) {
    case PROPERTY_TEXT: code = read_text(message, place); break;
    case PROPERTY_INVOCATION: code = read_invocation(message, place); break;
    case PROPERTY_JOB: code = sd_bus_message_read(message, "(uo)", (uint32_t *)place, &path); break;
    default: code = sd_bus_message_read_basic(message, property->signature[0], place); break;
    }
    return code < 0 ? code : sd_bus_message_exit_container(message);
}

/* The property of this name, if its value is of the type that it should have; NULL: it is to be left out. */
static const struct property *property_named(sd_bus_message *message, const char *name)
{
    const char *contents;
    char type;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
        if (strcmp(name, properties[i].name) == 0 && sd_bus_message_peek_type(message, &type, &contents) > 0 &&
            type == 'v' && strcmp(contents, properties[i].signature) == 0)
            return &properties[i];
    return NULL;
}

/* Reads a{sv} into the facts. False if it is none. */
static bool read_facts(sd_bus_message *message, struct unit_facts *facts)
{
    int code = sd_bus_message_enter_container(message, 'a', "{sv}");
    while (code >= 0 && (code = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
        const char *name = NULL;
        code = sd_bus_message_read(message, "s", &name);
        const struct property *property = code >= 0 ? property_named(message, name) : NULL;
        if (property)
            code = read_value(message, property, (char *)facts + property->offset);
        else if (code >= 0)
            code = sd_bus_message_skip(message, "v");
        if (code >= 0)
            code = sd_bus_message_exit_container(message);
    }
    return code >= 0;
}

/* --- what comes ------------------------------------------------------------------------------------------------ */

static void bus_fail(struct unit_bus *bus, int error, const char *text)
{
    bus->failure = error ? error : EIO;
    snprintf(bus->failure_text, sizeof bus->failure_text, "%s", text ? text : strerror(bus->failure));
}

static bool reply_is_error(struct unit_bus *bus, sd_bus_message *reply)
{
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    if (error)
        bus_fail(bus, sd_bus_error_get_errno(error), error->message ? error->message : error->name);
    return error != NULL;
}

static int on_answer(sd_bus_message *reply, void *user, sd_bus_error *unused)
{
    struct unit_bus *bus = user;
    struct unit_facts facts = { 0 };
    (void)unused;
    bus->answer_due_ms = 0;
    if (reply_is_error(bus, reply))
        return 0;
    if (!read_facts(reply, &facts)) {
        bus_fail(bus, EBADMSG, "systemd's answer is none about a unit");
        return 0;
    }
    bus->facts = facts;
    bus->sink.told(bus->sink.ctx, &bus->facts);
    return 0;
}

/* Where these fail, nothing else would tell of changes, and the connection is of no use. */
static int on_subscribed(sd_bus_message *reply, void *user, sd_bus_error *unused)
{
    (void)unused;
    reply_is_error(user, reply);
    return 0;
}

static int on_changed(sd_bus_message *message, void *user, sd_bus_error *unused)
{
    struct unit_bus *bus = user;
    const char *interface;
    (void)unused;
    if (sd_bus_message_read(message, "s", &interface) >= 0 && read_facts(message, &bus->facts))
        bus->sink.changed(bus->sink.ctx, &bus->facts);
    return 0;
}

/* --- the connection ---------------------------------------------------------------------------------------------- */

static bool bus_begin(struct unit_bus *bus)
{
    int code = sd_bus_open_system(&bus->bus);
    if (code >= 0)
        code = sd_bus_set_method_call_timeout(bus->bus, (uint64_t)ANSWER_WAIT_MS * USEC_PER_MSEC);
    if (code >= 0)
        code = sd_bus_match_signal_async(bus->bus, NULL, SERVICE, bus->path, PROPERTIES, "PropertiesChanged",
                                         on_changed, on_subscribed, bus);
    if (code >= 0)
        code = sd_bus_call_method_async(bus->bus, NULL, SERVICE, PLACE, MANAGER, "Subscribe", on_subscribed, bus, NULL);
    if (code < 0)
        bus_fail(bus, -code, NULL);
    return code >= 0;
}

struct unit_bus *unit_bus_open(const char *unit, const struct unit_bus_sink *sink, struct strbuf *why)
{
    struct unit_bus *bus = must_alloc(sizeof *bus);
    bus->sink = *sink;
    if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &bus->path) < 0)
        bus_fail(bus, EINVAL, "this is no name of a unit");
    if (bus->path && bus_begin(bus) && unit_bus_ask(bus, why))
        return bus;
    if (!why->len)
        strbuf_puts(why, bus->failure_text);
    unit_bus_close(bus);
    return NULL;
}

void unit_bus_close(struct unit_bus *bus)
{
    if (!bus)
        return;
    sd_bus_close_unref(bus->bus);
    free(bus->path);
    free(bus);
}

static bool bus_is_well(const struct unit_bus *bus, struct strbuf *why)
{
    if (bus->failure)
        strbuf_puts(why, bus->failure_text);
    return !bus->failure;
}

bool unit_bus_ask(struct unit_bus *bus, struct strbuf *why)
{
    /* With an empty name of an interface systemd gives the properties of all. */
    int code = bus->answer_due_ms ? 0
                                  : sd_bus_call_method_async(bus->bus, NULL, SERVICE, bus->path, PROPERTIES, "GetAll",
                                                             on_answer, bus, "s", "");
    if (code < 0)
        bus_fail(bus, -code, NULL);
    else if (!bus->answer_due_ms)
        bus->answer_due_ms = clock_running_ms() + ANSWER_WAIT_MS;
    return bus_is_well(bus, why);
}

/* Whoever floods the connection is not read for ever. */
static void count_bytes(struct unit_bus *bus, int64_t now_ms)
{
    int bytes = 0;
    if (now_ms - bus->window_ms >= WINDOW_MS) {
        bus->window_ms = now_ms;
        bus->window_bytes = 0;
    }
    if (ioctl(sd_bus_get_fd(bus->bus), FIONREAD, &bytes) == 0)
        bus->window_bytes += bytes;
    if (bus->window_bytes > UNIT_BUS_MAX_BYTES)
        bus_fail(bus, EMSGSIZE, "the bus sends more than an answer about a unit can have");
}

bool unit_bus_process(struct unit_bus *bus, struct strbuf *why)
{
    int code = 1;
    while (code > 0 && !bus->failure) {
        count_bytes(bus, clock_running_ms());
        code = bus->failure ? 0 : sd_bus_process(bus->bus, NULL);
    }
    if (code < 0)
        bus_fail(bus, -code, NULL);
    else if (bus->answer_due_ms && clock_running_ms() >= bus->answer_due_ms)
        bus_fail(bus, ETIMEDOUT, "no answer within 3 s");
    return bus_is_well(bus, why);
}

int unit_bus_descriptor(const struct unit_bus *bus, short *events)
{
    int wanted = sd_bus_get_events(bus->bus);
    *events = (short)(wanted < 0 ? POLLIN : wanted);
    return sd_bus_get_fd(bus->bus);
}

int64_t unit_bus_due_ms(const struct unit_bus *bus)
{
    uint64_t due_us;
    int64_t due_ms = bus->answer_due_ms ? bus->answer_due_ms : INT64_MAX;
    if (sd_bus_get_timeout(bus->bus, &due_us) < 0 || due_us / USEC_PER_MSEC >= (uint64_t)due_ms)
        return due_ms;
    return (int64_t)(due_us / USEC_PER_MSEC) + 1;
}
