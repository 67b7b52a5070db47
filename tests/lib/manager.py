# SPDX-License-Identifier: GPL-2.0-or-later
"""The service manager's side of the notification socket."""

import socket
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import promise   # noqa: E402


class Manager(threading.Thread):
    """Hears what the agent tells systemd, with the time of each word."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.heard = str(path), []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.start()

    def run(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except OSError:
                return
            self.heard.append((time.monotonic(), text))

    def said(self, beginning):
        return [text for _, text in list(self.heard) if text.startswith(beginning)]

    def pings(self):
        return len(self.said("WATCHDOG=1"))

    def longest_silence(self, since):
        """Fair seconds between two pings, from an instant of time.monotonic() until now."""
        times = [since, *(at for at, text in list(self.heard) if at > since and text.startswith("WATCHDOG=1")), time.monotonic()]
        return max(promise.between(before, after) for before, after in zip(times, times[1:]))
