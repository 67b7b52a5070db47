/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/json.h"
#include "http_question.h"
#include "probe_private.h"

enum { DOCKER_TIMEOUT_MS = 3000 };

/* A row for each folder of the host that a container sees, or one without a folder. Docker begins a name with a slash. */
static const char sql_containers[] =
    "SELECT ltrim(json_extract(container.value, '$.Names[0]'), '/') AS name, json_extract(container.value, '$.Image'),"
    " json_extract(mount.value, '$.Source'), json_extract(mount.value, '$.Destination')"
    " FROM json_each(?1) AS container"
    " LEFT JOIN json_each(container.value, '$.Mounts') AS mount ON json_extract(mount.value, '$.Type') = 'bind'"
    " WHERE json_type(container.value, '$.Names[0]') = 'text' ORDER BY name LIMIT ?2";

static const char *list_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

static bool list_read(struct slice json, void (*found)(void *ctx, const struct container_found *), void *ctx)
{
    sqlite3 *reader = json_reader_open();
    sqlite3_stmt *row = NULL;
    bool good = reader && sqlite3_prepare_v2(reader, sql_containers, -1, &row, NULL) == SQLITE_OK &&
                sqlite3_bind_text(row, 1, json.at, (int)json.len, SQLITE_STATIC) == SQLITE_OK &&
                sqlite3_bind_int(row, 2, CONTAINERS_LISTED_MAX) == SQLITE_OK;
    int step = good ? sqlite3_step(row) : SQLITE_ERROR;
    for (; step == SQLITE_ROW; step = sqlite3_step(row))
        found(ctx,
              &(struct container_found){ list_text(row, 0), list_text(row, 1), list_text(row, 2), list_text(row, 3) });
    sqlite3_finalize(row);
    sqlite3_close(reader);
    return step == SQLITE_DONE;
}

bool docker_list(void (*found)(void *ctx, const struct container_found *), void *ctx, struct strbuf *why)
{
    struct http_answer answer = { .most_bytes = CONTAINERS_LISTED_MAX_BYTES };
    char *socket = docker_socket_path();
    CURL *easy = socket ? curl_easy_init() : NULL;
    CURLcode code = CURLE_FAILED_INIT;
    long status = 0, os_error = 0;
    if (easy) {
        http_question_prepare(easy, "http://localhost/containers/json?all=1", DOCKER_TIMEOUT_MS, &answer);
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket);
        code = curl_easy_perform(easy);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    }
    bool good = code == CURLE_OK && status == 200 && list_read(strbuf_slice(&answer.body), found, ctx);
    if (!socket)
        strbuf_puts(why, "DOCKER_HOST is not a Unix socket");
    else if (answer.is_cut)
        strbuf_puts(why, "its answer is too long");
    else if (code != CURLE_OK)
        strbuf_puts(why, os_error ? strerror((int)os_error) : curl_easy_strerror(code));
    else if (!good)
        strbuf_printf(why, "it answers HTTP %ld, and not with a list of containers", status);
    curl_easy_cleanup(easy);
    strbuf_free(&answer.body);
    free(socket);
    return good;
}
