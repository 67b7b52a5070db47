# SPDX-License-Identifier: GPL-2.0-or-later
"""Headless Chromium by its DevTools protocol over a pipe: pages are opened, measured, walked through by keyboard and photographed.

https://chromedevtools.github.io/devtools-protocol/ - the browser reads commands from descriptor 3 and writes answers to 4, each ended by a NUL.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

# What every text has to do with its background, and whether the page is wider than its window. The background is the nearest one that is
# not transparent; half transparent ones are laid one over the other.
MEASURE = """
(() => {
    const parse = text => { const n = (text.match(/[\\d.]+/g) || []).map(Number); return n.length < 3 ? null : [n[0], n[1], n[2], n.length > 3 ? n[3] : 1]; };
    const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
    const light = c => { const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                         return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const ground = element => {
        const layers = [];
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour && colour[3] > 0) layers.push(colour);
            if (colour && colour[3] === 1) break;
        }
        return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
    };
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, style = getComputedStyle(element);
        if (!walker.currentNode.textContent.trim() || ["SCRIPT", "STYLE", "title", "desc"].includes(element.tagName) || !element.getClientRects().length
            || style.visibility === "hidden") continue;
        const ink = parse(element instanceof SVGElement ? style.fill : style.color);
        if (!ink) continue;
        const back = ground(element), a = light(over(ink, back)), b = light(back);
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) faint.push([contrast.toFixed(2), element.tagName, walker.currentNode.textContent.trim().slice(0, 40)]);
    }
    const root = document.documentElement;
    return { faint, wide: root.scrollWidth - root.clientWidth, dark: light(ground(document.body)) < 0.2, title: document.title,
             unnamed: [...document.querySelectorAll("svg")].filter(one => !one.querySelector("title")?.textContent).length,
             reach: [...document.querySelectorAll("a[href], summary, input, button")].filter(one => one.getClientRects().length).length };
})()
"""
FOCUS = """
(() => { const one = document.activeElement, style = getComputedStyle(one);
         return one === document.body ? null : [one.tagName, one.getAttribute("href") || one.textContent.slice(0, 30) || one.name, style.outlineStyle !== "none"]; })()
"""


class Browser:
    def __init__(self):
        self.home = Path(tempfile.mkdtemp(prefix="agent-devtools-"))
        theirs_in, self.ours_out = os.pipe()
        self.ours_in, theirs_out = os.pipe()

        def place():
            os.dup2(theirs_in, 63)
            os.dup2(theirs_out, 62)
            os.dup2(63, 3)
            os.dup2(62, 4)
        self.process = subprocess.Popen([shutil.which("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                                         "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
                                         "--disable-dev-shm-usage", "--font-render-hinting=none", "--remote-debugging-pipe", f"--user-data-dir={self.home}",
                                         "about:blank"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
                                        preexec_fn=place)     # pylint: disable=subprocess-popen-preexec-fn
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.waiting, self.events = 0, b"", []

    def close(self):
        os.close(self.ours_out)
        os.close(self.ours_in)
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.home, ignore_errors=True)

    def read(self, until):
        """The next message; None when that moment has come."""
        while b"\0" not in self.waiting:
            if not select.select([self.ours_in], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            part = os.read(self.ours_in, 1 << 16)
            if not part:
                raise RuntimeError("the browser ended")
            self.waiting += part
        text, _, self.waiting = self.waiting.partition(b"\0")
        return json.loads(text)

    def call(self, method, session=None, timeout=60, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.ours_out, data):]
        until = time.monotonic() + timeout
        while (got := self.read(until)) is not None:
            if got.get("id") == self.number:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            if "method" in got:
                self.events.append(got)
        raise TimeoutError(method)

    def page(self):
        return Page(self)


class Page:
    def __init__(self, browser):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def look(self, width=1000, height=900, dark=False, scripts=True):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def take(self, method):
        """The events of this page with that name that came so far, which are then forgotten."""
        found = [event["params"] for event in self.browser.events if event["method"] == method and event.get("sessionId") == self.session]
        self.browser.events = [event for event in self.browser.events if not (event["method"] == method and event.get("sessionId") == self.session)]
        return found

    def go(self, address, timeout=60):
        self.browser.events = [event for event in self.browser.events if event.get("sessionId") != self.session]
        self.call("Page.navigate", url=address)
        until = time.monotonic() + timeout
        while not self.take("Page.loadEventFired"):
            got = self.browser.read(until)
            if got is None:
                raise TimeoutError(address)
            self.browser.events.append(got)

    def ask(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def measure(self):
        return self.ask(MEASURE)

    def errors(self):
        """What the browser's console would show in red."""
        thrown = [event["exceptionDetails"]["text"] for event in self.take("Runtime.exceptionThrown")]
        logged = [event["entry"]["text"] for event in self.take("Log.entryAdded") if event["entry"]["level"] in ("error", "warning")]
        said = [str(event["args"]) for event in self.take("Runtime.consoleAPICalled") if event["type"] in ("error", "warning", "assert")]
        return thrown + logged + said

    def asked(self):
        """The addresses that the page asked for."""
        return [event["request"]["url"] for event in self.take("Network.requestWillBeSent")]

    def press(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def walk(self, most):
        """What the keyboard reaches, one press of the tabulator after the other: [tag, where it leads, whether its focus is seen]."""
        reached = []
        for _ in range(most):
            self.press("Tab", 9)
            at = self.ask(FOCUS)
            if at is None:
                break
            reached.append(at)
        return reached

    def photograph(self, target):
        Path(target).write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
