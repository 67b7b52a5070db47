# SPDX-License-Identifier: GPL-2.0-or-later
"""Headless Chromium over a local page. Its proxy is ours, so that every request that the page makes is counted."""
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import test_report_golden as golden    # noqa: E402

LIGHT, DARK = "1", "0"                 # Blink's preferredColorScheme


class SilentProxy:
    """Takes connections, answers none, and keeps the first line of each."""

    def __init__(self):
        self.asked = []
        self.server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server.getsockname()[1]

    def _serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            connection.settimeout(5)
            try:
                self.asked.append(connection.recv(4096).split(b"\r\n")[0].decode("latin-1"))
            except OSError:
                self.asked.append("(silence)")
            connection.close()

    def close(self):
        self.server.close()


class Browser:
    """Starts a fresh browser with a profile of its own for each call."""

    def __init__(self):
        self.program = shutil.which("chromium")
        self.home = Path(tempfile.mkdtemp(prefix="agent-browser-"))
        self.proxy = SilentProxy()

    def close(self):
        self.proxy.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def run(self, *arguments):
        """Returns what the browser wrote to stdout."""
        with tempfile.TemporaryDirectory(dir=self.home) as profile:
            command = [self.program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                       "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
                       "--disable-sync", "--disable-dev-shm-usage", "--force-device-scale-factor=1",
                       "--virtual-time-budget=2000", f"--user-data-dir={profile}", f"--proxy-server=http://{self.proxy.address}",
                       "--proxy-bypass-list=<-loopback>", "--font-render-hinting=none", *arguments]
            return subprocess.run(command, capture_output=True, timeout=120, check=True).stdout

    def picture(self, page, target, theme, width, height):
        self.run(f"--blink-settings=preferredColorScheme={theme}", f"--window-size={width},{height}", f"--screenshot={target}",
                 Path(page).as_uri())

    def paper(self, page, target):
        self.run(f"--print-to-pdf={target}", "--no-pdf-header-footer", Path(page).as_uri())

    def document(self, page):
        return self.run("--dump-dom", Path(page).as_uri()).decode()


def pixels(path):
    """(width, height, rows of bytes, channels) of a PNG without interlacing, its filters undone."""
    data = Path(path).read_bytes()
    at, packed, width, height, kind = 8, b"", 0, 0, 0
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if name == b"IHDR":
            width, height, _, kind = struct.unpack(">IIBB", body[:10])
        packed += body if name == b"IDAT" else b""
        at += length + 12
    channels = {2: 3, 6: 4}[kind]
    raw, stride, rows, above = zlib.decompress(packed), width * channels, [], bytes(width * channels)
    for number in range(height):
        start = number * (stride + 1)
        rows.append(above := _unfilter(raw[start], bytearray(raw[start + 1:start + 1 + stride]), above, channels))
    return width, height, rows, channels


def _unfilter(kind, line, above, channels):
    for index in range(len(line)):
        left = line[index - channels] if index >= channels else 0
        corner = above[index - channels] if index >= channels else 0
        up = above[index]
        if kind == 1:
            line[index] = (line[index] + left) & 255
        elif kind == 2:
            line[index] = (line[index] + up) & 255
        elif kind == 3:
            line[index] = (line[index] + (left + up) // 2) & 255
        elif kind == 4:
            guess = left + up - corner
            nearest = min((left, up, corner), key=lambda value: abs(guess - value))
            line[index] = (line[index] + nearest) & 255
    return line


def pages(folder):
    """The fixed histories as HTML files: {name: path}."""
    agent, made = golden.Agent(), {}
    try:
        for name in ("incident-1.html", "period.html"):
            made[name] = Path(folder) / name
            made[name].write_bytes(agent.golden(name))
    finally:
        agent.close()
    return made
