# SPDX-License-Identifier: GPL-2.0-or-later
"""A command beside servers at well-known ports of a loopback of their own: `loopback.py '{"8123": "HTTP/1.1 200 OK\\r\\n\\r\\n"}' COMMAND...`
Exits with 77 where this user may not have a network namespace."""
import ctypes
import fcntl
import json
import socket
import struct
import subprocess
import sys
import threading

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def serve(port, answer):
    listener = socket.create_server(("127.0.0.1", port))

    def answer_all():
        while True:
            connection, _ = listener.accept()
            try:
                connection.recv(4096)
                connection.sendall(answer.encode())
            except OSError:
                pass
            connection.close()

    threading.Thread(target=answer_all, daemon=True).start()


def main(ports, command):
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return 77
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    for port, answer in json.loads(ports).items():
        serve(int(port), answer)
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
