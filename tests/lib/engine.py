# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Docker Engine of Debian's packages, which tests/install-deps.sh unpacks below .tools/servers: beside the system and without its
network. Its directories, its socket and its containers are its own, and gone with it."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fair   # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools" / "servers"
PATH = ":".join(str(TOOLS / folder) for folder in ("usr/bin", "usr/sbin", "bin")) + ":" + os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
# No bridge and no rules of a firewall: containers have no network. vfs copies whole images, which are of 1 MB here.
OPTIONS = ("--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false")


def why_not():
    """Why no engine can run here, or None."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("dockerd", "containerd", "runc", "docker", "busybox"):
        if not shutil.which(program, path=PATH):
            return f"no {program} here (tests/install-deps.sh servers unpacks Debian's)"
    return None


class Engine:
    """Use as a context. `image` holds Debian's static busybox and nothing else."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="engine-"))
        self.socket = self.directory / "docker.sock"
        self.host = f"unix://{self.socket}"
        self.log = open(self.directory / "log", "w+", encoding="utf-8")
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            ["dockerd", "--data-root", self.directory / "data", "--exec-root", self.directory / "run", "--pidfile", self.directory / "pid",
             "--host", self.host, *OPTIONS], stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": PATH}, start_new_session=True)
        left = fair.Left(60)
        while self.docker("version", check=False).returncode != 0:
            if self.process.poll() is not None or left.over():
                said = self.said()
                self.__exit__()
                raise RuntimeError(f"Docker does not start: {said[-2000:]}")
            time.sleep(0.1)
        self._import_image()
        return self

    def __exit__(self, *_):
        names = self.docker("ps", "--all", "--quiet", check=False).stdout.split()
        if names:
            self.docker("rm", "--force", *names, check=False)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            fair.wait(self.process, 30)
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def _import_image(self):
        archive = self.directory / "image.tar"
        with tarfile.open(archive, "w") as image:
            image.add(shutil.which("busybox", path=PATH), "bin/busybox")
            for name in ("sh", "sleep", "true", "tail", "test", "touch", "rm", "date"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname, link.mode = tarfile.SYMTYPE, "busybox", 0o777
                image.addfile(link)
        self.docker("import", archive, "box")

    def docker(self, *arguments, check=True):
        done = subprocess.run(["docker", *map(str, arguments)], env={**os.environ, "PATH": PATH, "DOCKER_HOST": self.host},
                              capture_output=True, text=True, check=False, timeout=fair.ENDS_S, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"docker {' '.join(map(str, arguments))}: {done.stderr}")
        return done

    def run(self, name, *arguments, command=("sleep", "1000"), verb="run", check=True):
        detach = ["--detach"] if verb == "run" else []
        return self.docker(verb, *detach, "--name", name, "--network", "none", *arguments, "box", *command, check=check)

    def state(self, name):
        found = json.loads(self.docker("inspect", name).stdout)[0]
        return {**found["State"], "RestartCount": found["RestartCount"]}

    def wait_for(self, name, condition, timeout=40):
        left = fair.Left(timeout)
        while not condition(self.state(name)):
            if left.over():
                raise AssertionError(f"{name} does not come there: {self.state(name)}")
            time.sleep(0.05)
