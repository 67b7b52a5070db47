# SPDX-License-Identifier: GPL-2.0-or-later
"""A follower that is killed and started again while its log is rotated under it, often several times within the moment of its start: each
line once. It is here that a file is renamed or packed between two looks at its directory, and that the number of its inode is given to a
later one. RACES_S is how long each way of rotating is tried."""
import os
import random
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import fair   # noqa: E402
from follower import FollowerCase   # noqa: E402
from framed import rotate_docker, rotate_kubelet   # noqa: E402

SECONDS = float(os.environ.get("RACES_S", "5"))
TIMEOUT_S = int(60 + 4 * SECONDS)
UNREAD_MOST = 4        # rotations behind the reader: dockerd keeps so many files here


class Races(FollowerCase):
    def put(self, count):
        with open(self.log, "ab") as file:
            for _ in range(count):
                file.write(b"%d %s\n" % (self.written, b"x" * self.chance.randint(1, 3000)))
                self.written += 1

    def is_read(self, follower):
        """Whether something of the log as it is now was read. Its inode's number says nothing: that may be an older file's, used again."""
        return self.first < self.written and self.numbers(follower)[-1:] >= [self.first]

    def race(self, rotate, seed):
        self.chance, self.written, self.first = random.Random(seed), 0, 0
        self.put(3)
        follower = self.follow()
        follower.expect(*self.lines_of(follower, 3))
        unread = rotations = kills = 0
        turn_at, until = time.monotonic() + 0.1, time.monotonic() + SECONDS
        while time.monotonic() < until:
            self.put(self.chance.randint(1, 8))
            time.sleep(0.004)
            if self.chance.random() < 0.06 and unread < UNREAD_MOST:
                rotate()
                self.first, unread, rotations = self.written, unread + 1, rotations + 1
            if time.monotonic() < turn_at:
                continue
            if follower.process.poll() is not None:
                follower = self.follow()
            elif unread < UNREAD_MOST:
                follower.kill()
                kills += 1
            elif self.is_read(follower):
                unread = 0
            turn_at = time.monotonic() + self.chance.uniform(0.01, 0.2)
        if follower.process.poll() is not None:
            follower = self.follow()
        self.put(1)
        left = fair.Left(20)
        while not left.over() and self.numbers(follower)[-1:] != [self.written - 1]:
            time.sleep(0.05)
        self.assertEqual(self.numbers(follower), list(range(self.written)), follower.notes())
        print(f"# held: {self.written} lines, {rotations} rotations, {kills} kills: none lost, none doubled")

    def numbers(self, follower):
        return [int(line.split(b" ")[0]) for line in follower.lines()]

    def lines_of(self, follower, count):
        with open(self.log, "rb") as file:
            return [line.rstrip(b"\n") for line in file][:count]

    def test_as_kubelet_rotates(self):
        self.race(lambda: rotate_kubelet(str(self.log)), 1)

    def test_as_dockerd_rotates(self):
        self.race(lambda: rotate_docker(str(self.log), most=UNREAD_MOST + 2, compress=True), 2)


if __name__ == "__main__":
    unittest.main()
