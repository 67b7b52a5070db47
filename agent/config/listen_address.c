/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { PORT_MAX = 65535, PORT_DIGITS = 5 };

static bool port_read(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > PORT_DIGITS || text[digits] != '\0')
        return false;
    long number = strtol(text, NULL, 10);
    *port = htons((uint16_t)number);
    return number <= PORT_MAX;
}

static bool listen_parse_path(const char *path, struct listen_address *address, struct strbuf *why)
{
    struct sockaddr_un *to = (struct sockaddr_un *)&address->address;
    size_t len = strlen(path);
    if (path[0] != '/' || len >= sizeof to->sun_path) {
        strbuf_printf(why, "unix:PATH needs a path that begins with / and has less than %zu bytes",
                      sizeof to->sun_path);
        return false;
    }
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, path, len + 1);
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    address->path = must_copy(path, len);
    address->is_local = true;
    return true;
}

void listen_judge(struct listen_address *address)
{
    char name[INET6_ADDRSTRLEN] = "";
    struct strbuf host = { 0 };
    const struct sockaddr_in *four = (const struct sockaddr_in *)&address->address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address->address;
    if (address->address.ss_family == AF_INET) {
        inet_ntop(AF_INET, &four->sin_addr, name, sizeof name);
        strbuf_puts(&host, name);
        address->is_local = ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        address->len = sizeof *four;
    } else if (address->address.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &six->sin6_addr, name, sizeof name);
        strbuf_printf(&host, "[%s]", name);
        address->is_local = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
        address->len = sizeof *six;
    } else {
        address->is_local = address->address.ss_family == AF_UNIX;
    }
    address->host = host.at;
}

bool listen_parse(const char *text, struct listen_address *address, struct strbuf *why)
{
    static const char unix_prefix[] = "unix:";
    *address = (struct listen_address){ 0 };
    if (strncmp(text, unix_prefix, sizeof unix_prefix - 1) == 0)
        return listen_parse_path(text + sizeof unix_prefix - 1, address, why);
    struct sockaddr_in *four = (struct sockaddr_in *)&address->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address->address;
    const char *colon = strrchr(text, ':');
    uint16_t port = 0;
    bool good = colon && port_read(colon + 1, &port), is_six = good && text[0] == '[' && colon[-1] == ']';
    char *name = good ? must_copy(text + is_six, (size_t)(colon - text) - 2 * (size_t)is_six) : NULL;
    if (good && is_six && inet_pton(AF_INET6, name, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = port;
    } else if (good && !is_six &&
               inet_pton(AF_INET, strcmp(name, "localhost") == 0 ? "127.0.0.1" : name, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = port;
    } else {
        strbuf_printf(
            why, "'%s' is no address to listen on: say 127.0.0.1:9188, [::1]:9188, localhost:9188 or unix:PATH", text);
        good = false;
    }
    free(name);
    if (good)
        listen_judge(address);
    return good;
}

void listen_free(struct listen_address *address)
{
    free(address->host);
    free(address->path);
    *address = (struct listen_address){ 0 };
}

bool listen_token_is_good(const char *token)
{
    size_t len = 0;
    for (; token[len]; len++)
        if (token[len] <= ' ' || token[len] > '~')
            return false;
    return len > 0;
}

bool listen_origin_next(const char **at, struct slice *origin)
{
    static const char between[] = ", \t";
    *at += strspn(*at, between);
    *origin = (struct slice){ *at, strcspn(*at, between) };
    *at += origin->len;
    return origin->len > 0;
}

bool listen_origin_is_good(struct slice origin)
{
    static const char host_signs[] = "abcdefghijklmnopqrstuvwxyz0123456789-._:[]";
    size_t scheme = origin.len > 8 && memcmp(origin.at, "https://", 8) == 0  ? 8
                    : origin.len > 7 && memcmp(origin.at, "http://", 7) == 0 ? 7
                                                                             : 0;
    if (!scheme)
        return false;
    for (size_t i = scheme; i < origin.len; i++)
        if (!strchr(host_signs, origin.at[i]) || origin.at[i] == '\0')
            return false;
    return origin.at[scheme] != ':' && origin.at[origin.len - 1] != ':';
}
