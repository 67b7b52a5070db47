/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail_request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cut.h"
#include "config_keys.h"
#include "secrets.h"

/* How long the server has to answer the last command, which only ends the connection, after it took the message. */
enum { GOODBYE_MS = 500 };

static size_t mail_give_body(char *bytes, size_t size, size_t count, void *user)
{
    struct webhook_request *request = user;
    size_t room = size * count;
    size_t len = request->unsent.len < room ? request->unsent.len : room;
    memcpy(bytes, request->unsent.at, len);
    request->unsent = (struct slice){ request->unsent.at + len, request->unsent.len - len };
    return len;
}

static void mail_keep_line(struct webhook_request *request, const char *line, size_t len)
{
    size_t room = sizeof request->answer - request->answer_len;
    size_t kept = len < room ? len : room;
    memcpy(request->answer + request->answer_len, line, kept);
    request->answer_len += kept;
}

/*
 * Takes the code of an answer. The order of SMTP tells what it answers: the first 250 greets, a 235 ends the login, a 354 follows the
 * answers to the recipients, and the first 250 behind the body says that the message was taken. A 221 answers the goodbye, which
 * libcurl says before the codes are looked at, and so is not counted as the answer to a recipient.
 */
static void mail_take_code(struct webhook_request *request, int code)
{
    if (code == 221)
        return;
    bool greets = code == 250 && !request->greeted;
    if (greets || code == 235)
        request->answer_len = 0; /* what was refused before that was tried in another way */
    request->greeted = request->greeted || code == 250;
    if (code == 354)
        request->judged = request->code_count >= request->recipient_count;
    else if (!request->judged)
        request->codes[request->code_count++ % request->recipient_count] = code;
    if (code == 250 && request->judged && request->unsent.len == 0)
        request->taken_ms = clock_running_ms();
}

/* Takes each line that the server answers; those that refuse something are kept. */
static size_t mail_take_line(const char *line, size_t size, size_t count, void *user)
{
    struct webhook_request *request = user;
    size_t len = size * count;
    bool is_answer = len > 3 && isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
                     isdigit((unsigned char)line[2]);
    if (is_answer && (line[0] == '4' || line[0] == '5'))
        mail_keep_line(request, line, len);
    if (is_answer && line[3] != '-') /* the last line of the answer */
        mail_take_code(request, (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0');
    request->header_count++;
    request->received += len;
    request->head_cut = request->header_count > ANSWER_HEADERS_MAX || request->received > ANSWER_MAX_BYTES;
    return request->head_cut ? 0 : len;
}

/*
 * libcurl waits for the server's answer to QUIT, and all other deliveries wait with it. The message was taken by then, so a server that
 * does not answer is left.
 */
static int mail_watch(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct webhook_request *request = user;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return request->taken_ms != 0 && clock_running_ms() - request->taken_ms > GOODBYE_MS;
}

static char *mail_copy_address(const char *text)
{
    struct slice name, address;
    mail_address_split(text, &name, &address);
    return must_copy(address.at, address.len);
}

/* A delivery that is tried anew after some got it goes to the others only. */
static void mail_begin_recipients(struct webhook_request *request, const struct delivery *delivery)
{
    size_t count = request->webhook->to.count;
    if (!request->settled)
        request->settled = must_alloc(count * sizeof *request->settled);
    if (!request->codes)
        request->codes = must_alloc(count * sizeof *request->codes);
    if (delivery->attempts == 0)
        memset(request->settled, 0, count * sizeof *request->settled);
    request->recipient_count = request->code_count = 0;
    request->greeted = request->judged = false;
}

static void mail_set_addresses(struct webhook_request *request)
{
    const struct webhook_config *webhook = request->webhook;
    curl_slist_free_all(request->recipients);
    request->recipients = NULL;
    for (size_t i = 0; i < webhook->to.count; i++) {
        if (request->settled[i])
            continue;
        char *address = mail_copy_address(webhook->to.texts[i]);
        struct curl_slist *grown = curl_slist_append(request->recipients, address);
        free(address);
        if (!grown)
            abort(); /* out of memory, which must_alloc does not survive either */
        request->recipients = grown;
        request->recipient_count++;
    }
    char *from = mail_copy_address(webhook->from);
    curl_easy_setopt(request->easy, CURLOPT_MAIL_FROM, from); /* libcurl copies it */
    free(from);
    curl_easy_setopt(request->easy, CURLOPT_MAIL_RCPT, request->recipients);
    /* One recipient who left must not keep a page from the others. */
#if LIBCURL_VERSION_NUM >= 0x080200
    curl_easy_setopt(request->easy, CURLOPT_MAIL_RCPT_ALLOWFAILS, 1L);
#else
    curl_easy_setopt(request->easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L); /* its name until 8.2 */
#endif
}

static bool mail_set_login(struct webhook_request *request, struct strbuf *error)
{
    const struct webhook_config *webhook = request->webhook;
    strbuf_clear(&request->token);
    if (!webhook->user)
        return true;
    if (!secret_read(webhook->password_file, &request->token, error))
        return false;
    curl_easy_setopt(request->easy, CURLOPT_USERNAME, webhook->user);
    curl_easy_setopt(request->easy, CURLOPT_PASSWORD, strbuf_text(&request->token));
    return true;
}

bool mail_request_prepare(struct webhook_request *request, const struct delivery *delivery, struct strbuf *error)
{
    static const long use_ssl[] = {
        [STARTTLS_REQUIRED] = CURLUSESSL_ALL, [STARTTLS_OPTIONAL] = CURLUSESSL_TRY, [STARTTLS_NO] = CURLUSESSL_NONE
    };
    CURL *easy = request->easy;
    if (!mail_set_login(request, error))
        return false;
    mail_begin_recipients(request, delivery);
    mail_set_addresses(request);
    request->unsent = (struct slice){ delivery->body, delivery->body_len };
    request->taken_ms = 0;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_URL, request->webhook->url);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, use_ssl[request->webhook->starttls]);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)delivery->body_len);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, mail_give_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, request);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, mail_take_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, mail_watch);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, request);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L); /* mail servers soon end a connection on which nothing happens */
    return true;
}

static enum delivery_outcome mail_outcome(CURLcode code, long status)
{
    /* After a failure of the connection the status is that of an earlier command. */
    bool of_connection = code == CURLE_OPERATION_TIMEDOUT || code == CURLE_COULDNT_CONNECT ||
                         code == CURLE_RECV_ERROR || code == CURLE_USE_SSL_FAILED || code == CURLE_SSL_CONNECT_ERROR ||
                         code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_COULDNT_RESOLVE_HOST;
    if (code == CURLE_OK)
        return DELIVERY_DONE;
    return status >= 500 && status < 600 && !of_connection ? DELIVERY_REFUSED : DELIVERY_RETRY;
}

/*
 * Notes which recipients need not be sent the message again. Returns true if there are others: the server took it, but told the agent to
 * come again for some.
 */
static bool mail_settle_recipients(struct webhook_request *request)
{
    size_t asked = 0, oldest = request->code_count % request->recipient_count;
    bool any_left = false;
    for (size_t i = 0; i < request->webhook->to.count; i++) {
        if (request->settled[i])
            continue;
        int code = request->codes[(oldest + asked++) % request->recipient_count];
        request->settled[i] = code < 400 || code >= 500;
        any_left = any_left || !request->settled[i];
    }
    return any_left;
}

static bool mail_any_will_pass(const struct webhook_request *request)
{
    for (size_t i = 0; i < request->code_count && i < request->recipient_count; i++)
        if (request->codes[i] >= 400 && request->codes[i] < 500)
            return true;
    return false;
}

static void mail_say_why(struct webhook_request *request, CURLcode code, struct strbuf *error)
{
    const char *said = request->curl_error[0] != '\0' ? request->curl_error : curl_easy_strerror(code);
    if (code == CURLE_OK && request->answer_len > 0)
        strbuf_puts(error, "not every recipient got the mail: ");
    else if (code == CURLE_USE_SSL_FAILED)
        strbuf_puts(error, "no encryption by STARTTLS, which starttls = required demands: ");
    if (request->answer_len > 0)
        webhook_request_add_answer(request, request->answer, request->answer_len, error);
    else if (code != CURLE_OK)
        webhook_request_add_answer(request, said, strlen(said), error);
}

void mail_request_judge(struct webhook_request *request, CURLcode code, struct delivery_result *result)
{
    struct strbuf error = { 0 };
    bool taken = request->taken_ms != 0;
    code = taken ? CURLE_OK : code; /* only the goodbye failed */
    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &result->http_status);
    result->outcome = mail_outcome(code, result->http_status);
    bool some_wait = taken && mail_settle_recipients(request);
    bool will_pass =
        !some_wait && result->outcome == DELIVERY_REFUSED && !request->judged && mail_any_will_pass(request);
    if (some_wait || will_pass)
        result->outcome = DELIVERY_RETRY;
    mail_say_why(request, code, &error);
    cut_copy(strbuf_text(&error), result->error, sizeof result->error);
    strbuf_free(&error);
}
