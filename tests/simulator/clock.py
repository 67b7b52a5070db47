# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual clock in microseconds UTC that tells local time as a naive Python program sees it."""

import time
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EPOCH = datetime(1970, 1, 1)
QUARTER_S = 900       # no zone changes its offset within a quarter of an hour


def us_from_text(text):
    """'2026-01-05 00:00:00' in UTC."""
    moment = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    return round(moment.timestamp()) * SECOND


class Clock:
    def __init__(self, now_us, zone="UTC"):
        self.now_us = now_us
        self.zone = None if zone == "UTC" else ZoneInfo(zone)
        self._offsets = {}
        self._second = self._text = None

    def offset_s(self, second):
        """Local minus UTC at a second of UTC."""
        if self.zone is None:
            return 0
        quarter = second // QUARTER_S
        offset = self._offsets.get(quarter)
        if offset is None:
            moment = datetime.fromtimestamp(quarter * QUARTER_S, timezone.utc).astimezone(self.zone)
            offset = self._offsets[quarter] = round(moment.utcoffset().total_seconds())
        return offset

    def stamp_at(self, us):
        second, rest = divmod(us, SECOND)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second + self.offset_s(second)))
        return f"{self._text},{rest // 1000:03d}"

    def stamp(self):
        return self.stamp_at(self.now_us)

    def naive(self):
        return EPOCH + timedelta(microseconds=self.now_us + self.offset_s(self.now_us // SECOND) * SECOND)

    def isoformat(self):
        return self.naive().isoformat()


def next_slot(now, interval_minutes):
    """The scheduler's rule, on naive local time: the next multiple of the interval since midnight."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    step = timedelta(minutes=interval_minutes)
    return midnight + ((now - midnight) // step + 1) * step
