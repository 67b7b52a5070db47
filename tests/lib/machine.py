# SPDX-License-Identifier: GPL-2.0-or-later
"""A throw-away machine: this host's root under an overlay in memory, in namespaces of its own, with systemd as its first
process. What is installed, removed or broken there is gone with it. Needs root, unshare, overlayfs and systemd."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fair   # noqa: E402

# /sys is read-only as in any container, so that udev and what else handles hardware stays away. Mounts are shared, but with nobody
# outside: systemd mounts a service's credentials in a namespace beside its own, and in a container leaves the sharing to us.
BOOT = r"""
set -eu
d=$1
mount -t tmpfs machine "$d"
mkdir "$d/upper" "$d/work" "$d/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$d/upper,workdir=$d/work" "$d/root"
cd "$d/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do : >"dev/$node"; mount --bind "/dev/$node" "dev/$node"; done
mkdir dev/pts dev/shm
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir run/share tmp/before
mount --bind "$2" run/share
ip link set lo up 2>/dev/null || true
cd etc/systemd/system
cat >throw-away.target <<END
[Unit]
Description=Nothing but the journal
Requires=systemd-journald.service
After=systemd-journald.service
DefaultDependencies=no
END
cd "$d/root"
pivot_root . tmp/before
umount -l /tmp/before
rmdir /tmp/before
mount --make-rshared /
exec env -i container=throw-away PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    /lib/systemd/systemd --system --unit=throw-away.target --log-target=journal --show-status=no </dev/null
"""


def why_not():
    """Why no such machine can run here, or None."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("unshare", "nsenter", "pivot_root", "systemctl"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"no {program} here"
    if not pathlib.Path("/lib/systemd/systemd").exists():
        return "no systemd here"
    if "overlay" not in pathlib.Path("/proc/filesystems").read_text(encoding="ascii"):
        return "no overlayfs here"
    return None


class Machine:
    """Use as a context; `share` is a directory of the host that the machine sees as /run/share."""

    def __init__(self, share):
        self.share = str(share)
        self.process = self.init = None
        self.log = tempfile.TemporaryFile("w+")
        self.place = tempfile.mkdtemp(prefix="machine-")

    def __enter__(self):
        namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"]
        self.process = subprocess.Popen(
            ["unshare", *namespaces, "--fork", "--kill-child", "--propagation", "private", "sh", "-c", BOOT, "sh",
             self.place, self.share], stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        left = fair.Left(60)
        while not left.over() and self.process.poll() is None:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            found = children.read_text(encoding="ascii").split() if children.exists() else []
            if found:
                self.init = found[0]
                if self.run("systemctl is-active -q throw-away.target", check=False).returncode == 0:
                    return self
            time.sleep(0.1)
        said = self.said()
        self.__exit__()
        raise RuntimeError(f"the machine does not boot: {said}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)   # --kill-child: its first process goes too, and with it all others
        fair.wait(self.process, 20)
        self.log.close()
        os.rmdir(self.place)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def run(self, command, check=True, timeout=fair.ENDS_S, **options):
        """A shell command inside."""
        done = subprocess.run(["nsenter", "--all", "--target", self.init, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                               "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", command],
                              capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
                              **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def receive(self):
        """A receiver of webhooks at http://127.0.0.1:9000 inside: what comes is in requests() of the path, as JSON."""
        os.chmod(self.share, 0o755)
        for name in ("receiver.py", "fair.py"):   # the latter is what the former imports
            shutil.copy(pathlib.Path(__file__).with_name(name), self.share)
        self.run(f"systemd-run -q --unit=receiver {sys.executable} /run/share/receiver.py --port 9000 --journal /run/share/requests")
        self.wait_for("grep -q ':2328 ' /proc/net/tcp")   # 9000 in hexadecimal

    def requests(self, path):
        lines = pathlib.Path(self.share, "requests").read_text(encoding="utf-8").splitlines()
        return [request for request in map(json.loads, lines) if request["path"] == path]

    def show(self, unit, name):
        return self.run(f"systemctl show -P {name} {unit}").stdout.strip()

    def wait_for(self, command, timeout=30):
        """Until a shell command inside succeeds."""
        left = fair.Left(timeout)
        while not left.over():
            if self.run(command, check=False).returncode == 0:
                return
            time.sleep(0.1)
        done = self.run(command, check=False)
        raise AssertionError(f"{command}: does not come true: {done.stdout}{done.stderr}")
