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

bool api_before(const struct request *request, int64_t *id, struct strbuf *why)
{
    const char *text = request->values[PARAMETER_BEFORE];
    *id = text ? request_number(text) : 0;
    if (text && *id == 0)
        strbuf_puts(why, "before: it is the id of a cycle, as \"next\" names it");
    return !text || *id > 0;
}

void api_put_next(struct json_writer *json, const struct request *request, const char *path, enum parameter parameter,
                  const char *value)
{
    struct strbuf link = { 0 };
    if (!value) {
        json_put_null(json, "next");
        return;
    }
    request_put_again(request, path, parameter, value, &link);
    json_put_text(json, "next", link.at);
    strbuf_free(&link);
}
