/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"
#include "site.h"

size_t api_limit(const struct request *request, size_t usual, size_t most, struct strbuf *why)
{
    const char *text = request->values[PARAMETER_LIMIT];
    int64_t limit = text ? request_number(text) : (int64_t)usual;
    if (limit > 0 && limit <= (int64_t)most)
        return (size_t)limit;
    strbuf_printf(why, "limit: say a number from 1 to %zu", most);
    return 0;
}

static void link_put_pair(struct strbuf *link, enum parameter parameter, const char *value)
{
    strbuf_printf(link, "%s%s=", strchr(strbuf_text(link), '?') ? "&" : "?", request_parameter_name(parameter));
    request_put_name(value, link);
}

void api_put_next(struct json_writer *json, const struct request *request, const char *path, enum parameter parameter,
                  const char *value)
{
    struct strbuf link = { 0 };
    if (!value) {
        json_put_null(json, "next");
        return;
    }
    strbuf_puts(&link, path);
    for (int i = 0; i < PARAMETERS; i++)
        if (request->values[i] && i != (int)parameter)
            link_put_pair(&link, (enum parameter)i, request->values[i]);
    link_put_pair(&link, parameter, value);
    json_put_text(json, "next", link.at);
    strbuf_free(&link);
}
