# SPDX-License-Identifier: GPL-2.0-or-later
"""What receivers demand of a request's body, as their own documentation says it.

    complaints("slack", body)     what the receiver would object to: a list of strings, empty if it is content

Formats: slack (incoming webhooks, Block Kit), pagerduty (Events API v2), generic (Alertmanager's webhook envelope,
version 4), alertmanager (a POST to /api/v2/alerts). Lengths are in characters wherever the receiver counts characters.
"""

import datetime
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


_FORMATS = {"slack": _slack, "pagerduty": _pagerduty, "generic": _envelope, "alertmanager": _alerts}


def complaints(name, body):
    """What a receiver of this format would object to in these bytes."""
    found = _Complaints()
    try:
        value = _parse(body)
    except ValueError as error:
        return [f"no JSON: {error}"]
    if name == "pagerduty":
        found.that(len(body) <= PAGERDUTY_MAX_BYTES, "event", f"has {len(body)} bytes, over {PAGERDUTY_MAX_BYTES}")
    _FORMATS[name](found, value)
    return list(found)
