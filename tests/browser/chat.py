# SPDX-License-Identifier: GPL-2.0-or-later
"""A page as it arrives in a chat: what the agent sends to Slack for a log of the fixtures, and how Slack shows such a message."""
import html
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))

from receiver import Receiver     # noqa: E402

AGENT = os.environ.get("AGENT", str(ROOT / "build" / "agent"))
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
LOG = ROOT / "fixtures/logs/clickhouse-refused-nested-stderr.log"
LAST_LINE = "Waiting 894 seconds..."          # of the cycle in which both tables failed for the second time
NOW = "@2026-03-02 23:30:20"                  # UTC: some seconds after it
SHOWN_AS = "/tmp/iceberg-offload-scheduler.log"

CONFIG = """[log]
path = {log}
timezone = Australia/Sydney
[history]
db = {home}/history.db
[notify]
host = offload-1
[webhook chat]
url = {url}
format = slack
"""

STYLE = """body{margin:0;padding:14px 18px;background:#fff;color:#1d1c1d;font:15px/1.47 'DejaVu Sans',sans-serif;width:680px}
.from{font-weight:700}.from span{background:#e8e8e8;border-radius:2px;font-size:10px;padding:1px 3px;margin:0 6px;vertical-align:2px}
.from time{color:#616061;font-weight:400;font-size:12px}.attachment{border-left:4px solid;border-radius:3px;padding:2px 0 2px 12px}
h1{font-size:18px;margin:6px 0}p{margin:6px 0}.fields{display:grid;grid-template-columns:1fr 1fr;gap:8px 16px;margin:8px 0}
pre{background:#f6f6f6;border:1px solid #ddd;border-radius:4px;padding:8px;margin:8px 0;white-space:pre-wrap;font-size:12px}
.fields pre{margin:0}.context{color:#616061;font-size:12px}"""


def scheduler_log():
    """The log up to the moment at which the page is sent."""
    text = LOG.read_text(encoding="utf-8")
    return text[:text.index(LAST_LINE, text.index("10:30:05")) + len(LAST_LINE)] + "\n"


def message():
    """The request's body, as the agent sends it, but for the log's place."""
    with tempfile.TemporaryDirectory() as folder, Receiver() as receiver:
        home = Path(folder)
        log, config = home / "scheduler.log", home / "agent.conf"
        log.write_text(scheduler_log(), encoding="utf-8")
        config.write_text(CONFIG.format(log=log, home=home, url=receiver.url("/chat")), encoding="utf-8")
        agent = subprocess.Popen([AGENT, "run", "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env={**os.environ, "LD_PRELOAD": str(FAKETIME), "FAKETIME": NOW, "TZ": "UTC", "AGENT_CONFINE": "no"})
        try:
            body = receiver.wait(1, timeout=30)[0].json()
        finally:
            agent.terminate()
            agent.wait(timeout=30)
    return json.loads(json.dumps(body).replace(str(log), SHOWN_AS))


def mrkdwn(text):
    """Slack's marks as tags. What is escaped in the text (&amp; &lt; &gt;) is escaped in HTML too."""
    text = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)       # as a client shows it that knows no zones
    text = re.sub(r"<(https?://[^|>]*)\|([^>]*)>", r"<a href='\1'>\2</a>", text)
    text = re.sub(r"```(.*?)```", r"<pre>\1</pre>", text, flags=re.DOTALL)
    text = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", text)
    text = re.sub(r"(?m)\*([^*\n]+)\*", r"<b>\1</b>", text)
    return text.replace("\n", "<br>")


def block_html(block):
    if block["type"] == "header":
        return f"<h1>{html.escape(block['text']['text'])}</h1>"
    if block["type"] == "context":
        return f"<div class=context>{' '.join(mrkdwn(element['text']) for element in block['elements'])}</div>"
    fields = "".join(f"<div>{mrkdwn(field['text'])}</div>" for field in block.get("fields", []))
    text = f"<p>{mrkdwn(block['text']['text'])}</p>" if "text" in block else ""
    return text + (f"<div class=fields>{fields}</div>" if fields else "")


def page(body):
    """The message as an HTML page."""
    shown = "".join(map(block_html, body["blocks"]))
    return (f"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>chat</title><style>{STYLE}</style>"
            f"<div class=from>Iceberg offload<span>APP</span><time>10:30</time></div>{shown}")
