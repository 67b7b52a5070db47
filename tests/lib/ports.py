# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports that nobody takes by chance: below those that the kernel gives to whoever asks for any."""

import random
import socket

FIRST, LAST = 20_000, 32_000    # net.ipv4.ip_local_port_range begins at 32,768


def free_port():
    """Free for TCP and UDP on loopback just now."""
    while True:
        port = random.randint(FIRST, LAST)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
