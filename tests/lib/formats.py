# SPDX-License-Identifier: GPL-2.0-or-later
"""What receivers demand of a request's body, as their own documentation says it.

    complaints("slack", body)     what the receiver would object to: a list of strings, empty if it is content

Formats: slack (incoming webhooks, Block Kit), pagerduty (Events API v2), generic (Alertmanager's webhook envelope,
version 4), alertmanager (a POST to /api/v2/alerts), ntfy, teams (a workflow's URL), discord, telegram. Lengths are in characters wherever the receiver counts characters.
"""

import datetime
import html
import json
import re

SEVERITIES = ("critical", "error", "warning", "info")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
ZERO_TIME = "0001-01-01T00:00:00Z"          # Go's: "has not ended"
# A link, or a time in the reader's zone: <!date^SECONDS^FORMAT|what clients show that cannot do that>.
DATE = r"!date\^-?\d+\^[^<>|^]*\{(date_short_pretty|date|date_num|date_long|time|time_secs)\}[^<>|^]*(\^https?://[^\s<>|]+)?\|[^<>|]+>"
NOT_MARKUP = re.compile(rf"&(?!(amp|lt|gt);)|<(?!https?://[^\s<>|]+(\|[^<>]*)?>|{DATE})")
PAGERDUTY_MAX_BYTES = 512 * 1024
SLACK_LIMITS = {"blocks": 50, "header": 150, "text": 3000, "field": 2000, "fields": 10, "elements": 10, "fallback": 4000}


class _Complaints(list):
    """Collects what is wrong, and where."""

    def that(self, good, where, what):
        if not good:
            self.append(f"{where}: {what}")
        return bool(good)

    def keys(self, thing, where, required, optional=()):
        """Whether thing is an object with these keys and no other."""
        if not self.that(isinstance(thing, dict), where, "is no object"):
            return False
        missing, unknown = set(required) - set(thing), set(thing) - set(required) - set(optional)
        self.that(not missing, where, f"lacks {sorted(missing)}")
        self.that(not unknown, where, f"has unknown {sorted(unknown)}")
        return not missing

    def text(self, value, where, most=None, least=1):
        good = self.that(isinstance(value, str), where, "is no string")
        if good and len(value) < least:
            good = self.that(False, where, "is empty")
        if good and most is not None and len(value) > most:
            good = self.that(False, where, f"has {len(value)} characters, over {most}")
        return good

    def one_of(self, value, where, allowed):
        return self.that(value in allowed, where, f"{value!r} is none of {list(allowed)}")

    def items(self, value, where, most, least=1):
        """The items of a list that has as many as it may."""
        if not self.that(isinstance(value, list), where, "is no list"):
            return []
        self.that(least <= len(value) <= most, where, f"has {len(value)} items, not {least} to {most}")
        return list(enumerate(value))

    def time(self, value, where):
        """The instant, or None."""
        if not self.that(isinstance(value, str) and RFC3339.fullmatch(value), where, f"{value!r} is no time of RFC 3339"):
            return None
        try:
            return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError as error:
            self.that(False, where, str(error))
            return None

    def strings(self, value, where, least=0):
        """Labels or annotations: valid names, each with a text."""
        if not self.that(isinstance(value, dict), where, "is no object"):
            return
        self.that(len(value) >= least, where, "is empty")
        for name, text in value.items():
            self.that(LABEL_NAME.fullmatch(name), where, f"{name!r} is no name")
            self.text(text, f"{where}.{name}", least=0)

    def labels(self, value, where):
        self.strings(value, where, least=1)
        for name, text in value.items() if isinstance(value, dict) else ():
            self.that(text != "", f"{where}.{name}", "is empty, which drops the label")

    def link(self, value, where):
        self.that(isinstance(value, str) and re.match(r"https?://\S+$", value), where, f"{value!r} is no link")


# ---- JSON ----------------------------------------------------------------------------------------------------------


def _no_twins(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError(f"a key stands twice: {names}")
    return dict(pairs)


def _no_constant(word):
    raise ValueError(f"{word} is no JSON")


def _parse(body):
    """Strictly: UTF-8, no key twice, no NaN, and no text that is half a surrogate pair."""
    value = json.loads(body.decode("utf-8"), object_pairs_hook=_no_twins, parse_constant=_no_constant)
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


# ---- Slack ---------------------------------------------------------------------------------------------------------


def _slack_text(found, thing, where, most, kinds=("plain_text", "mrkdwn")):
    if found.keys(thing, where, ("type", "text"), ("emoji", "verbatim")):
        found.one_of(thing["type"], f"{where}.type", kinds)
        if found.text(thing["text"], f"{where}.text", most) and thing["type"] == "mrkdwn":
            found.that(not NOT_MARKUP.search(thing["text"]), f"{where}.text", "has a raw & or <")


def _slack_section(found, block, where):
    found.keys(block, where, ("type",), ("text", "fields", "block_id", "accessory", "expand"))
    found.that("text" in block or "fields" in block, where, "has neither text nor fields")
    if "text" in block:
        _slack_text(found, block["text"], f"{where}.text", SLACK_LIMITS["text"])
    if "fields" in block:
        for number, field in found.items(block["fields"], f"{where}.fields", SLACK_LIMITS["fields"]):
            _slack_text(found, field, f"{where}.fields[{number}]", SLACK_LIMITS["field"])


def _slack_header(found, block, where):
    if found.keys(block, where, ("type", "text"), ("block_id",)):
        _slack_text(found, block["text"], f"{where}.text", SLACK_LIMITS["header"], ("plain_text",))


def _slack_context(found, block, where):
    if found.keys(block, where, ("type", "elements"), ("block_id",)):
        for number, element in found.items(block["elements"], f"{where}.elements", SLACK_LIMITS["elements"]):
            _slack_text(found, element, f"{where}.elements[{number}]", SLACK_LIMITS["text"])


def _slack_actions(found, block, where):
    if not found.keys(block, where, ("type", "elements"), ("block_id",)):
        return
    for number, button in found.items(block["elements"], f"{where}.elements", 25):
        at = f"{where}.elements[{number}]"
        if found.keys(button, at, ("type", "text"), ("action_id", "url", "value", "style")):
            found.one_of(button["type"], f"{at}.type", ("button",))
            _slack_text(found, button["text"], f"{at}.text", 75, ("plain_text",))
            if "url" in button and found.text(button["url"], f"{at}.url", 3000):
                found.link(button["url"], f"{at}.url")


def _slack_divider(found, block, where):
    found.keys(block, where, ("type",), ("block_id",))


_SLACK_BLOCKS = {"section": _slack_section, "header": _slack_header, "context": _slack_context,
                 "actions": _slack_actions, "divider": _slack_divider}


def _slack_blocks(found, blocks, where):
    for number, block in found.items(blocks, where, SLACK_LIMITS["blocks"]):
        kind = block.get("type") if isinstance(block, dict) else None
        if found.one_of(kind, f"{where}[{number}].type", _SLACK_BLOCKS):
            _SLACK_BLOCKS[kind](found, block, f"{where}[{number}]")


def _slack(found, body):
    """The text is what a phone's notification shows, and all that a client without blocks does."""
    if not found.keys(body, "message", ("text",), ("blocks", "attachments", "mrkdwn", "unfurl_links", "unfurl_media")):
        return
    if found.text(body["text"], "text", SLACK_LIMITS["fallback"]):
        found.that(not NOT_MARKUP.search(body["text"]), "text", "has a raw & or <")
    if "blocks" in body:
        _slack_blocks(found, body["blocks"], "blocks")
    for number, attachment in found.items(body.get("attachments", []), "attachments", 100, 0):
        where = f"attachments[{number}]"
        if found.keys(attachment, where, ("blocks",), ("color", "fallback")):
            _slack_blocks(found, attachment["blocks"], f"{where}.blocks")
            found.that(re.fullmatch(r"#[0-9a-f]{6}|good|warning|danger", attachment.get("color", "good")), where, "no color")


# ---- PagerDuty -----------------------------------------------------------------------------------------------------


def _pagerduty_payload(found, payload):
    texts = ("component", "group", "class")
    if not found.keys(payload, "payload", ("summary", "source", "severity"), (*texts, "timestamp", "custom_details")):
        return
    found.text(payload["summary"], "payload.summary", 1024)
    found.text(payload["source"], "payload.source")
    found.one_of(payload["severity"], "payload.severity", SEVERITIES)
    for name in texts:
        if name in payload:
            found.text(payload[name], f"payload.{name}")
    if "timestamp" in payload:
        found.time(payload["timestamp"], "payload.timestamp")
    found.that(isinstance(payload.get("custom_details", {}), dict), "payload.custom_details", "is no object")


def _pagerduty(found, body):
    if not found.keys(body, "event", ("routing_key", "event_action"),
                      ("dedup_key", "payload", "images", "links", "client", "client_url")):
        return
    found.that(isinstance(body["routing_key"], str) and re.fullmatch(r"[0-9A-Za-z]{32}", body["routing_key"]),
               "routing_key", "is not 32 letters and digits")
    found.one_of(body["event_action"], "event_action", ("trigger", "acknowledge", "resolve"))
    if "dedup_key" in body or body["event_action"] != "trigger":
        found.text(body.get("dedup_key"), "dedup_key", 255)
    if "payload" in body or body["event_action"] == "trigger":
        _pagerduty_payload(found, body.get("payload"))
    for number, link in found.items(body.get("links", []), "links", 100, 0):
        if found.keys(link, f"links[{number}]", ("href",), ("text",)):
            found.link(link["href"], f"links[{number}].href")
            found.text(link.get("text", "-"), f"links[{number}].text")
    for number, image in found.items(body.get("images", []), "images", 100, 0):
        if found.keys(image, f"images[{number}]", ("src",), ("href", "alt")):
            found.link(image["src"], f"images[{number}].src")


# ---- Alertmanager --------------------------------------------------------------------------------------------------


def _span(found, alert, where):
    """startsAt and endsAt of one that has ended or says when it will."""
    starts, ends = found.time(alert["startsAt"], f"{where}.startsAt"), found.time(alert["endsAt"], f"{where}.endsAt")
    if starts and ends:
        found.that(ends >= starts, where, f"ends at {alert['endsAt']}, before it starts at {alert['startsAt']}")


def _envelope_alert(found, alert, where):
    if not found.keys(alert, where, ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint")):
        return
    found.one_of(alert["status"], f"{where}.status", ("firing", "resolved"))
    found.labels(alert["labels"], f"{where}.labels")
    found.strings(alert["annotations"], f"{where}.annotations")
    found.text(alert["generatorURL"], f"{where}.generatorURL", least=0)
    found.that(re.fullmatch(r"[0-9a-f]{16}", str(alert["fingerprint"])), f"{where}.fingerprint", "is not 16 hexadecimal digits")
    if alert["status"] == "resolved":
        _span(found, alert, where)
    else:
        found.time(alert["startsAt"], f"{where}.startsAt")
        found.that(alert["endsAt"] == ZERO_TIME, f"{where}.endsAt", "is not zero while it fires")


def _envelope(found, body):
    if not found.keys(body, "envelope", ("version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels",
                                         "commonLabels", "commonAnnotations", "externalURL", "alerts")):
        return
    found.one_of(body["version"], "version", ("4",))
    found.one_of(body["status"], "status", ("firing", "resolved"))
    found.text(body["groupKey"], "groupKey")
    found.text(body["receiver"], "receiver")
    found.text(body["externalURL"], "externalURL", least=0)
    found.that(isinstance(body["truncatedAlerts"], int) and body["truncatedAlerts"] >= 0, "truncatedAlerts", "is no count")
    alerts = [alert for _, alert in found.items(body["alerts"], "alerts", 10_000)]
    for number, alert in enumerate(alerts):
        _envelope_alert(found, alert, f"alerts[{number}]")
    if found:
        return
    firing = any(alert["status"] == "firing" for alert in alerts)
    found.that(body["status"] == ("firing" if firing else "resolved"), "status", "is not that of its alerts")
    for name, part in (("groupLabels", "labels"), ("commonLabels", "labels"), ("commonAnnotations", "annotations")):
        found.strings(body[name], name)
        for alert in alerts:
            found.that(alert[part].items() >= body[name].items(), name, "is not common to all alerts")


def _alerts(found, body):
    seen = []
    for number, alert in found.items(body, "alerts", 10_000):
        where = f"alerts[{number}]"
        if not found.keys(alert, where, ("labels", "startsAt", "endsAt"), ("annotations", "generatorURL")):
            continue
        found.labels(alert["labels"], f"{where}.labels")
        found.that("alertname" in alert["labels"], f"{where}.labels", "have no alertname")
        found.strings(alert.get("annotations", {}), f"{where}.annotations")
        if "generatorURL" in alert:
            found.link(alert["generatorURL"], f"{where}.generatorURL")
        _span(found, alert, where)
        found.that(alert["labels"] not in seen, f"{where}.labels", "stand twice in one push")
        seen.append(alert["labels"])


# ---- ntfy, Teams, Discord, Telegram --------------------------------------------------------------------------------


def units(text):
    """Characters as UTF-16 counts them."""
    return len(text.encode("utf-16-le")) // 2


def _ntfy(found, body):
    """Published as JSON: a message over 4,096 bytes becomes an attachment; at most three actions."""
    if not found.keys(body, "message", ("topic",), ("message", "title", "tags", "priority", "click", "actions", "markdown")):
        return
    found.that(re.fullmatch(r"[-_A-Za-z0-9]{1,64}", body["topic"]), "topic", "is none")
    for name, most in (("message", 4096), ("title", 250)):
        if found.text(body.get(name), name):
            found.that(len(body[name].encode()) <= most, name, f"has over {most} bytes")
    found.one_of(body.get("priority", 3), "priority", (1, 2, 3, 4, 5))
    for number, action in found.items(body.get("actions", []), "actions", 3, 0):
        if found.keys(action, f"actions[{number}]", ("action", "label", "url"), ("clear",)):
            found.one_of(action["action"], f"actions[{number}].action", ("view",))
            found.link(action["url"], f"actions[{number}].url")
    if "click" in body:
        found.link(body["click"], "click")


def _teams_run(found, run, where):
    if found.keys(run, where, ("type", "text"), ("size", "color", "fontType", "weight", "isSubtle")):
        found.one_of(run["type"], f"{where}.type", ("TextRun",))
        found.text(run["text"], f"{where}.text")
        found.one_of(run.get("size", "Default"), f"{where}.size", ("Default", "Small", "Medium", "Large", "ExtraLarge"))
        found.one_of(run.get("color", "Default"), f"{where}.color", ("Default", "Good", "Warning", "Attention"))
        found.one_of(run.get("fontType", "Default"), f"{where}.fontType", ("Default", "Monospace"))


def _teams_card(found, card, where):
    if not found.keys(card, where, ("$schema", "type", "version", "body"), ("actions", "msteams", "fallbackText")):
        return
    found.one_of(card["type"], f"{where}.type", ("AdaptiveCard",))
    found.one_of(card["version"], f"{where}.version", ("1.2", "1.3", "1.4", "1.5"))
    for number, block in found.items(card["body"], f"{where}.body", 100):
        at = f"{where}.body[{number}]"
        if found.keys(block, at, ("type", "inlines")) and found.one_of(block["type"], at, ("RichTextBlock",)):
            for run_number, run in found.items(block["inlines"], f"{at}.inlines", 10):
                _teams_run(found, run, f"{at}.inlines[{run_number}]")
    for number, action in found.items(card.get("actions", []), f"{where}.actions", 6, 0):
        if found.keys(action, f"{where}.actions[{number}]", ("type", "title", "url")):
            found.one_of(action["type"], f"{where}.actions[{number}].type", ("Action.OpenUrl",))
            found.link(action["url"], f"{where}.actions[{number}].url")


def _teams(found, body):
    """What a workflow takes that begins when a Teams webhook request is received."""
    if found.keys(body, "message", ("type", "attachments"), ("summary",)):
        found.one_of(body["type"], "type", ("message",))
        for number, attachment in found.items(body["attachments"], "attachments", 1):
            where = f"attachments[{number}]"
            if found.keys(attachment, where, ("contentType", "content"), ("contentUrl",)):
                found.one_of(attachment["contentType"], f"{where}.contentType", ("application/vnd.microsoft.card.adaptive",))
                _teams_card(found, attachment["content"], f"{where}.content")


def _discord_embed(found, embed, where):
    """The number of characters that count for the message's limit."""
    found.keys(embed, where, (), ("title", "description", "url", "color", "timestamp", "fields", "footer"))
    total = 0
    for name, most in (("title", 256), ("description", 4096)):
        if name in embed and found.text(embed[name], f"{where}.{name}"):
            found.that(units(embed[name]) <= most, f"{where}.{name}", f"is over {most}")
            total += units(embed[name])
    for number, field in found.items(embed.get("fields", []), f"{where}.fields", 25, 0):
        at = f"{where}.fields[{number}]"
        if found.keys(field, at, ("name", "value"), ("inline",)):
            for name, most in (("name", 256), ("value", 1024)):
                if found.text(field[name], f"{at}.{name}"):
                    found.that(units(field[name]) <= most, f"{at}.{name}", f"is over {most}")
                    total += units(field[name])
    found.that(0 <= embed.get("color", 0) <= 0xFFFFFF, f"{where}.color", "is none")
    if "timestamp" in embed:
        found.time(embed["timestamp"], f"{where}.timestamp")
    if "url" in embed:
        found.link(embed["url"], f"{where}.url")
    return total


def _discord(found, body):
    if found.keys(body, "message", ("embeds",), ("content", "username", "allowed_mentions")):
        total = sum(_discord_embed(found, embed, f"embeds[{number}]") for number, embed in found.items(body["embeds"], "embeds", 10))
        found.that(total <= 6000, "embeds", f"have {total} characters, over 6000")
        found.that(body.get("allowed_mentions") == {"parse": []}, "allowed_mentions", "let a log call people")


TELEGRAM_TAG = re.compile(r"</?(b|i|u|s|code|pre)>|<a href=\"https?://[^\"<>\s]+\">|</a>")


def _telegram(found, body):
    if not found.keys(body, "message", ("chat_id", "text"), ("parse_mode", "link_preview_options", "disable_notification")):
        return
    found.text(body["chat_id"], "chat_id")
    found.one_of(body.get("parse_mode"), "parse_mode", ("HTML",))
    if found.text(body["text"], "text"):
        bare = TELEGRAM_TAG.sub("", body["text"])
        found.that(not re.search(r"[<>]|&(?!(amp|lt|gt|quot);)", bare), "text", "has a raw &, < or >")
        found.that(1 <= units(html.unescape(bare)) <= 4096, "text", "is not 1 to 4096 long")
        opened = []
        for tag in TELEGRAM_TAG.finditer(body["text"]):
            name = re.search(r"[a-z]+", tag[0])[0]
            if tag[0].startswith("</"):
                found.that(opened and opened.pop() == name, "text", f"closes {name}")
            else:
                opened.append(name)
        found.that(not opened, "text", f"leaves open {opened}")


_FORMATS = {"slack": _slack, "pagerduty": _pagerduty, "generic": _envelope, "alertmanager": _alerts, "ntfy": _ntfy,
            "teams": _teams, "discord": _discord, "telegram": _telegram}
TEAMS_MAX_BYTES = 28_000


def complaints(name, body):
    """What a receiver of this format would object to in these bytes."""
    found = _Complaints()
    try:
        value = _parse(body)
    except ValueError as error:
        return [f"no JSON: {error}"]
    if name == "pagerduty":
        found.that(len(body) <= PAGERDUTY_MAX_BYTES, "event", f"has {len(body)} bytes, over {PAGERDUTY_MAX_BYTES}")
    if name == "teams":
        found.that(len(body) <= TEAMS_MAX_BYTES, "message", f"has {len(body)} bytes, over {TEAMS_MAX_BYTES}")
    _FORMATS[name](found, value)
    return list(found)
