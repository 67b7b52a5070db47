/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask.h"
#include "config.h"
#include "config_keys.h"
#include "durations.h"
#include "nearest.h"

static const int64_t PERIOD_MIN_MS = 100;

static const char *const format_names[PAYLOAD_FORMATS] = {
    [FORMAT_GENERIC] = "generic",     [FORMAT_SLACK] = "slack",
    [FORMAT_PAGERDUTY] = "pagerduty", [FORMAT_ALERTMANAGER] = "alertmanager",
    [FORMAT_EMAIL] = "email",         [FORMAT_NTFY] = "ntfy",
    [FORMAT_TEAMS] = "teams",         [FORMAT_DISCORD] = "discord",
    [FORMAT_TELEGRAM] = "telegram",   [FORMAT_TEMPLATE] = "template",
};

const char *config_format_name(enum payload_format format)
{
    return format_names[format];
}

const char *config_type_words(enum config_type type)
{
    switch (type) {
    case CONFIG_TEXT: return "a text";
    case CONFIG_PATH: return "the path of a file";
    case CONFIG_URL: return "an http or https URL";
    case CONFIG_PROBE_URL: return "an http or https URL, or tcp://host:port";
    case CONFIG_DSN: return "a connection string of libpq";
    case CONFIG_PERIOD: return "a duration of at least 100ms, such as 90s, 5m or 1h30m (a plain number is seconds)";
    case CONFIG_PERIOD_OR_ZERO:
        return "0 or a duration of at least 100ms, such as 90s, 5m or 1h30m (a plain number is seconds)";
    case CONFIG_COUNT: return "a whole number from 1 to 1000000";
    case CONFIG_REAL: return "a number above 0";
    case CONFIG_PROBABILITY: return "a number between 0 and 1";
    case CONFIG_SWITCH: return "yes or no";
    case CONFIG_FORMAT:
        return "generic, slack, pagerduty, alertmanager, email, ntfy, teams, discord, telegram or template";
    case CONFIG_HEADERS: return "a header, \"Name: value\"";
    case CONFIG_WEBHOOK_URL: return "an http or https URL, or smtp or smtps for e-mail";
    case CONFIG_ADDRESS:
    case CONFIG_ADDRESSES: return "an e-mail address, such as oncall@example.com or On call <oncall@example.com>";
    case CONFIG_GLOBS: return "globs, parted by commas, such as bronze_*";
    case CONFIG_PIPELINE: return "k2-scheduler or k2-prefect";
    case CONFIG_STARTTLS: return "required, optional or no";
    case CONFIG_PRIORITY: return "0, a number from 1 to 5, or min, low, default, high or urgent";
    case CONFIG_SEVERITY: return "warning, critical or never";
    case CONFIG_MAX_SEVERITY: return "warning or critical";
    case CONFIG_DAYS: return "days, parted by commas, such as mon-fri or sat,sun";
    case CONFIG_FRAME: return "plain, docker or cri";
    case CONFIG_TIME_OF_DAY: return "a time of the day, such as 07:30";
    }
    return "a value";
}

/* Returns the member that the key stands for. The table of keys is trusted to name a member of the type that its config_type needs. */
static void *value_place(const struct config_key *key, void *base)
{
    return (char *)base + key->offset;
}

static const void *value_at(const struct config_key *key, const void *base)
{
    return (const char *)base + key->offset;
}

static bool value_read_period(const char *text, bool zero_allowed, int64_t *ms)
{
    int64_t parsed;

    if (!duration_parse(text, &parsed) || (parsed < PERIOD_MIN_MS && !(parsed == 0 && zero_allowed)))
        return false;
    *ms = parsed;
    return true;
}

static bool value_read_count(const char *text, int64_t *count)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 7 || text[digits] != '\0')
        return false;
    *count = strtoll(text, NULL, 10);
    return *count >= 1 && *count <= 1000000;
}

static bool value_read_real(const char *text, double below, double *real)
{
    char *end;
    double parsed = strtod(text, &end);

    if (end == text || *end != '\0' || isspace((unsigned char)text[0]) || !isfinite(parsed) || parsed <= 0 ||
        parsed >= below)
        return false;
    *real = parsed;
    return true;
}

static bool value_read_switch(const char *text, bool *on)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *on = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool value_read_format(const char *text, enum payload_format *format, struct strbuf *why)
{
    struct nearest nearest;

    nearest_begin(&nearest, text);
    for (int i = 0; i < PAYLOAD_FORMATS; i++) {
        if (strcmp(text, format_names[i]) == 0) {
            *format = (enum payload_format)i;
            return true;
        }
        nearest_try(&nearest, format_names[i]);
    }
    strbuf_printf(why, "unknown format '%s'; ", text);
    if (nearest_found(&nearest))
        strbuf_printf(why, "the nearest is '%s'", nearest_found(&nearest));
    else
        for (int i = 0; i < PAYLOAD_FORMATS; i++)
            strbuf_printf(why, "%s%s",
                          i == 0                     ? "there are "
                          : i == PAYLOAD_FORMATS - 1 ? " and "
                                                     : ", ",
                          format_names[i]);
    return false;
}

static void value_set_text(char **place, const char *text)
{
    free(*place);
    *place = must_copy(text, strlen(text));
}

static bool url_scheme_is_good(CURLU *url, enum config_type type, struct strbuf *why)
{
    char *scheme = NULL, *port = NULL;
    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(url, CURLUPART_PORT, &port, 0);
    bool tcp = type == CONFIG_PROBE_URL && strcmp(scheme, "tcp") == 0;
    bool mail = type == CONFIG_WEBHOOK_URL && (strcmp(scheme, "smtp") == 0 || strcmp(scheme, "smtps") == 0);
    bool good = tcp ? port != NULL : mail || strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
    if (!good)
        strbuf_printf(why, "%s:// does not fit: needs %s", scheme, config_type_words(type));
    curl_free(port);
    curl_free(scheme);
    return good;
}

static bool text_is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text > 0x7f)
            return false;
    return true;
}

/*
 * Writes an international host name ("bücher.example") in ASCII ("xn--bcher-kva.example"), as it is looked up. libcurl would do that
 * itself for each request, but takes the name to be in the locale's encoding, and a service runs in the C locale.
 */
static bool url_host_to_ascii(CURLU *url, bool *converted)
{
    char *host = NULL, *ascii = NULL;
    bool good = curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && text_is_ascii(host);
#ifdef CURLU_PUNYCODE
    locale_t utf8 = good ? NULL : newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (utf8) {
        locale_t before = uselocale(utf8);
        good = curl_url_get(url, CURLUPART_HOST, &ascii, CURLU_PUNYCODE) == CURLUE_OK && text_is_ascii(ascii) &&
               curl_url_set(url, CURLUPART_HOST, ascii, 0) == CURLUE_OK;
        uselocale(before);
        freelocale(utf8);
    }
#endif
    *converted = ascii != NULL;
    curl_free(ascii);
    curl_free(host);
    return good;
}

/* Returns false with the reason in *why. The reason does not repeat the URL, which may be a secret. */
static bool value_read_url(const char *text, enum config_type type, char **place, struct strbuf *why)
{
    CURLU *url = curl_url();
    char *whole = NULL;
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    bool good = code == CURLUE_OK, converted = false;

    if (!good)
        strbuf_printf(why, "not a URL: %s", curl_url_strerror(code));
    good = good && url_scheme_is_good(url, type, why);
    if (good && !url_host_to_ascii(url, &converted)) {
        strbuf_puts(why, "the host's name is not ASCII and cannot be converted: write it in its xn-- form");
        good = false;
    }
    if (good && converted)
        good = curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK;
    if (good)
        value_set_text(place, converted ? whole : text);
    curl_free(whole);
    curl_url_cleanup(url);
    return good;
}

/* Returns what in a path cannot be meant, NULL if there is nothing. A path is taken as it stands; quotes, ~ and $ are the shell's. */
static const char *path_mistake(const char *text)
{
    const char *dollar = strchr(text, '$');
    char last = text[strlen(text) - 1];
    if (strchr("\"'", text[0]) || strchr("\"'", last))
        return "the quotes would be a part of the name";
    if (text[0] == '~')
        return "~ is not replaced by a home directory";
    if (dollar && (isalpha((unsigned char)dollar[1]) || dollar[1] == '_' || dollar[1] == '{'))
        return "a variable is not replaced by its value";
    return strstr(text, "://") ? "a URL is not a path" : NULL;
}

static bool value_read_path(const char *text, char **place, struct strbuf *why)
{
    const char *mistake = path_mistake(text);
    if (mistake)
        strbuf_printf(why, "bad path '%s': %s; write the path itself", text, mistake);
    else
        value_set_text(place, text);
    return !mistake;
}

/*
 * What libpq understands is its own matter. A password would be seen by everybody who sees the configuration. One with a slash, which does not
 * belong into a URL as it is, libpq would take for a port, and repeat in its error.
 */
static bool dsn_holds_password(const char *text)
{
    static const char key[] = "password";
    const char *begin = strstr(text, "://");
    for (const char *at = text; (at = strcasestr(at, key)) != NULL;) {
        at += strlen(key);
        if (at[strspn(at, " \t")] == '=')
            return true;
    }
    if (!begin)
        return false;
    begin += strlen("://");
    size_t place = strcspn(begin, "?"), user = strcspn(begin, "@");
    return user < place && memchr(begin, ':', user);
}

static bool value_read_dsn(const char *text, char **place, struct strbuf *why)
{
    bool good = !dsn_holds_password(text);
    if (good)
        value_set_text(place, text);
    else
        strbuf_puts(why, "a password does not belong here: use passfile or password_file");
    return good;
}

/* The name of a header is a token: RFC 9110, section 5.6.2. */
static bool header_is_good(const char *text)
{
    static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
    size_t name = strspn(text, token);

    return name > 0 && text[name] == ':' && strpbrk(text, "\r\n") == NULL;
}

static bool value_add_header(struct webhook_config *webhook, const char *text)
{
    if (!header_is_good(text))
        return false;
    webhook->headers = must_grow(webhook->headers, webhook->header_count + 1, sizeof *webhook->headers);
    webhook->headers[webhook->header_count++] = must_copy(text, strlen(text));
    return true;
}

static bool value_read_by_type(const struct config_key *key, const char *text, void *base, struct strbuf *why)
{
    void *place = value_place(key, base);

    switch (key->type) {
    case CONFIG_TEXT: value_set_text(place, text); return true;
    case CONFIG_PATH: return value_read_path(text, place, why);
    case CONFIG_URL:
    case CONFIG_PROBE_URL:
    case CONFIG_WEBHOOK_URL: return value_read_url(text, key->type, place, why);
    case CONFIG_DSN: return value_read_dsn(text, place, why);
    case CONFIG_PERIOD: return value_read_period(text, false, place);
    case CONFIG_PERIOD_OR_ZERO: return value_read_period(text, true, place);
    case CONFIG_COUNT: return value_read_count(text, place);
    case CONFIG_REAL: return value_read_real(text, HUGE_VAL, place);
    case CONFIG_PROBABILITY: return value_read_real(text, 1, place);
    case CONFIG_SWITCH: return value_read_switch(text, place);
    case CONFIG_FORMAT: return value_read_format(text, place, why);
    case CONFIG_HEADERS: return value_add_header(base, text);
    default: return value_read_webhook_type(key->type, text, place, why);
    }
}

bool config_value_read(const struct config_key *key, const char *text, void *base, struct strbuf *why)
{
    size_t before = why->len;

    if (text[0] == '\0' && !key->may_be_empty) {
        strbuf_printf(why, "no value given: needs %s", config_type_words(key->type));
        return false;
    }
    if (value_read_by_type(key, text, base, why))
        return true;
    if (why->len == before && key->type == CONFIG_HEADERS)
        strbuf_printf(why, "needs %s",
                      config_type_words(key->type)); /* the text is not repeated, because it may hold a token */
    else if (why->len == before)
        strbuf_printf(why, "bad value '%s': needs %s", text, config_type_words(key->type));
    return false;
}

static void value_show_headers(const struct config_key *key, const struct webhook_config *webhook, struct strbuf *out)
{
    for (size_t i = 0; i < webhook->header_count; i++) {
        const char *header = webhook->headers[i];
        if (i > 0)
            strbuf_printf(out, "\n%s =%s", key->name,
                          header[0] == '#' ? "" : " "); /* after a blank it would begin a comment */
        strbuf_printf(out, "%.*s: ***", (int)strcspn(header, ":"), header);
    }
}

void config_value_show(const struct config_key *key, const void *base, struct strbuf *out)
{
    const void *value = value_at(key, base);

    switch (key->type) {
    case CONFIG_TEXT:
    case CONFIG_DSN:
    case CONFIG_PATH: {
        const char *text = *(char *const *)value;
        strbuf_puts(out, text ? text : "");
        break;
    }
    case CONFIG_URL:
    case CONFIG_PROBE_URL:
    case CONFIG_WEBHOOK_URL: {
        const char *url = *(char *const *)value;
        if (url)
            mask_url(url, out);
        break;
    }
    case CONFIG_PERIOD:
    case CONFIG_PERIOD_OR_ZERO: duration_text(*(const int64_t *)value, out); break;
    case CONFIG_COUNT: strbuf_printf(out, "%" PRId64, *(const int64_t *)value); break;
    case CONFIG_REAL:
    case CONFIG_PROBABILITY: strbuf_printf(out, "%g", *(const double *)value); break;
    case CONFIG_SWITCH: strbuf_puts(out, *(const bool *)value ? "yes" : "no"); break;
    case CONFIG_FORMAT: strbuf_puts(out, format_names[*(const enum payload_format *)value]); break;
    case CONFIG_HEADERS: value_show_headers(key, base, out); break;
    default: value_show_webhook_type(key, value, out); break;
    }
}

bool config_type_repeats(enum config_type type)
{
    return type == CONFIG_HEADERS || type == CONFIG_ADDRESSES || type == CONFIG_GLOBS;
}

static void value_free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

void config_value_free(const struct config_key *key, void *base)
{
    switch (key->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_URL:
    case CONFIG_PROBE_URL:
    case CONFIG_WEBHOOK_URL:
    case CONFIG_DSN:
    case CONFIG_ADDRESS: free(*(char **)value_place(key, base)); break;
    case CONFIG_HEADERS: {
        struct webhook_config *webhook = base;
        value_free_texts(webhook->headers, webhook->header_count);
        break;
    }
    case CONFIG_ADDRESSES:
    case CONFIG_GLOBS: {
        struct text_list *list = value_place(key, base);
        value_free_texts(list->texts, list->count);
        break;
    }
    default: break;
    }
}
