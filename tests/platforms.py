#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds, tests and packages on other releases of Debian and for other processors, each in a chroot of its own.

    tests/platforms.py [--place DIRECTORY] [--tests KINDS] [PLATFORM...]          (make test-platforms P=13-i386 T="unit layers")

Without names all platforms have their turn. Each has a directory below DIRECTORY (build/platforms): its root, made by debootstrap
from the archive that this machine's apt uses; a log of each step; and results.json. A step that passed is not done again as long as
the sources stay the same, so that a call that was broken off is continued by the next one. Needs root, debootstrap, unshare, and qemu-user-static
for foreign processors; what is missing or cannot be reached is said, and is a failure of no platform. KINDS are what tests/run.py
takes: fewer tests than all, for a machine with little time. The last thing said is the table that tests/README.md shows.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAME = "iceberg-offload-agent"
RELEASES = {"12": "bookworm", "13": "trixie", "sid": "sid"}
NATIVE = ("12-amd64", "12-i386", "13-amd64", "13-i386", "sid-amd64", "sid-i386")
# Built in a chroot of amd64 by a cross compiler, and run by an emulator: the compiler's prefix and the emulator.
CROSS = {"13-arm64": ("aarch64-linux-gnu", "qemu-aarch64-static"), "13-s390x": ("s390x-linux-gnu", "qemu-s390x-static"),
         "sid-s390x": ("s390x-linux-gnu", "qemu-s390x-static")}
LIBRARIES = ("libpcre2-dev", "libcurl4-gnutls-dev", "libsqlite3-dev", "libinih-dev", "zlib1g-dev", "libinotifytools0-dev",
             "libsystemd-dev", "libcmocka-dev")

# Runs $2 below the root $1, with the directory $3 as its /tmp. Mounts, processes and what the command leaves running end with it. /dev is
# the host's, for its nodes. The root is changed by pivot_root, since the kernel gives no user namespace to what chroot has shut in.
ENTER = r"""
set -eu
root=$1
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount --bind "$3" "$root/tmp"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
cd "$root"
pivot_root . mnt
umount -l /mnt
exec chroot . env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive sh -c "cd /src && { $2
}"
"""

# What the agent that $2... runs, perhaps behind an emulator, answers to every log of the fixtures: a file for each below $1.
ANSWERS = r"""
out=$1
shift
rm -rf "$out" && mkdir -p "$out"
for log in fixtures/logs/*.log; do
    name=$(basename "$log" .log)
    for what in replay parse; do
        "$@" $what --tz UTC "$log" >"$out/$name.$what" 2>&1 || echo "exit $?" >>"$out/$name.$what"
    done
done
"""


class Failed(Exception):
    """A step that did not pass, in a few words."""


class Unreachable(Exception):
    """What this machine cannot do or get."""


def archive():
    """The address of the Debian archive that this machine's apt uses."""
    said = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)", "Created-By: Packages"],
                          capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    for line in said.stdout.splitlines():
        if line.endswith(" Debian Debian"):
            return line.split()[0]
    raise Unreachable("apt knows of no archive of Debian (apt-get update)")


def source_files():
    """The files that git knows, and new ones that it does not ignore."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True,
                            text=True, check=True).stdout
    return sorted(name for name in set(listed.split("\0")) if name and (ROOT / name).is_file())


def fingerprint(names):
    digest = hashlib.sha256()
    for name in names:
        # What stands in the tests' README is measured with the rest, and changes none of it.
        if name != "tests/README.md":
            digest.update(name.encode() + b"\0" + hashlib.sha256((ROOT / name).read_bytes()).digest())
    return digest.hexdigest()


def warnings(text):
    """How often a compiler warned."""
    return len(re.findall(r"^\S+:\d+:\d+: warning: ", text, re.MULTILINE))


def failed_programs(text):
    """The programs of tests/run.py of which something failed."""
    return re.findall(r"^(\S+) +[\d.]+ s   .*\d+ FAILED", text, re.MULTILINE)


class Platform:
    """One platform: its root and the steps done there."""

    def __init__(self, name, place, sources, kinds):
        self.name, self.kinds = name, kinds
        self.place = place / name
        self.root = self.place / "root"
        release, self.architecture = name.split("-")
        self.suite = RELEASES[release]
        self.cross = CROSS.get(name)
        self.place.mkdir(parents=True, exist_ok=True)
        self.record = self.place / "results.json"
        self.results = json.loads(self.record.read_text()) if self.record.exists() else {}
        self.key = hashlib.sha256((sources + " ".join(kinds)).encode()).hexdigest()
        if self.results.get("sources") != self.key:
            self.results = {"sources": self.key, "steps": {}}

    def shell(self, command, log, timeout=3600):
        """Runs a command in the platform's sources; (exit code, what it said), which is also kept as a log."""
        with open(self.place / f"{log}.log", "wb") as said, tempfile.TemporaryDirectory(dir=self.place, prefix="tmp-") as scratch:
            os.chmod(scratch, 0o1777)
            done = subprocess.run(["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER,
                                   "sh", str(self.root), command, scratch], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                                  check=False, timeout=timeout)
        return done.returncode, (self.place / f"{log}.log").read_text(encoding="utf-8", errors="replace")

    def must(self, command, log, timeout=3600):
        code, said = self.shell(command, log, timeout)
        lost = re.search(r"^E: Failed to fetch (\S+) .*$", said, re.MULTILINE)
        if code != 0 and lost:
            raise Unreachable(f"the archive does not have what its list names: {lost[1].rsplit('/', 1)[-1]}")
        if code != 0:
            raise Failed(f"exit {code}, see {self.place / log}.log: {' | '.join(said.strip().splitlines()[-3:])[-300:]}")
        return said

    def step(self, name, function):
        """Does a step unless it passed already. Returns whether it passed."""
        known = self.results["steps"].get(name)
        if known and known["verdict"] == "ok":
            print(f"{self.name:10} {name:10} done before: {known['detail']}", flush=True)
            return True
        began = time.monotonic()
        try:
            verdict, detail = "ok", function() or "ok"
        except (Failed, subprocess.TimeoutExpired) as error:
            verdict, detail = "failed", str(error)
        except Unreachable as error:
            verdict, detail = "unreachable", str(error)
        self.results["steps"][name] = {"verdict": verdict, "detail": detail}
        self.record.write_text(json.dumps(self.results, indent=1))
        print(f"{self.name:10} {name:10} {verdict}, {time.monotonic() - began:.0f} s: {detail}", flush=True)
        return verdict == "ok"

    # --- The steps. Each returns a few words for the table. ---

    def make_root(self):
        if self.root.exists():
            return None
        if not shutil.which("debootstrap", path=os.environ["PATH"] + ":/usr/sbin"):
            raise Unreachable("no debootstrap here (Debian: debootstrap)")
        unfinished = self.place / "root.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        cache = self.place.parent / "cache"
        cache.mkdir(exist_ok=True)
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--arch={'amd64' if self.cross else self.architecture}",
                               f"--cache-dir={cache}", self.suite, str(unfinished), archive()],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        (self.place / "root.log").write_text(done.stdout)
        if done.returncode != 0:
            raise Unreachable(f"debootstrap: {' | '.join(done.stdout.strip().splitlines()[-2:])}")
        # Two architectures' manual pages may differ in their compression, which dpkg takes for a conflict of their packages.
        cross = "path-exclude=/usr/share/man/*\npath-exclude=/usr/share/doc/*\n" if self.cross else ""
        (unfinished / "etc/dpkg/dpkg.cfg.d/platforms").write_text(f"force-unsafe-io\n{cross}")
        # A mirror may lag behind by more than a moving release's lists are valid, which its keys say all the same.
        (unfinished / "etc/apt/apt.conf.d/99platforms").write_text('Acquire::Check-Valid-Until "false";\n')
        unfinished.rename(self.root)
        return None

    def copy_sources(self):
        """The sources of now; what was built of older ones stays, and make decides."""
        there = self.root / "src"
        there.mkdir(exist_ok=True)
        names = source_files()
        listed = there / ".sources"
        for gone in set(listed.read_text().splitlines() if listed.exists() else ()) - set(names):
            (there / gone).unlink(missing_ok=True)
        for name in names:
            target = there / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() or target.read_bytes() != (ROOT / name).read_bytes():
                shutil.copy(ROOT / name, target)
        listed.write_text("\n".join(names))
        for folder in [there, *(path for path in there.rglob("*") if path.is_dir() and not path.is_symlink())]:
            folder.chmod(0o755)

    def need_make(self):
        self.must("command -v make >/dev/null || { apt-get -q update && apt-get -q install -y --no-install-recommends make; }", "make")

    def build(self):
        self.need_make()
        said = self.must("tests/install-deps.sh build watermark web check && make -k -j$(nproc) all unit share probes", "build")
        return f"{warnings(said)} warnings"

    def demo(self):
        return self.must("make demo", "demo", 900).strip().splitlines()[-1]

    def tests(self):
        run = f"python3 tests/run.py build {' '.join(self.kinds)}"
        code, said = self.shell("make test" if not self.kinds else
                                f"tests/install-deps.sh build test analyse valgrind && make -j$(nproc) all unit probes && {run}", "tests", 5400)
        return self.counted(code, said)

    def counted(self, code, said):
        """What tests/run.py counted. Why tests were skipped is kept for the end."""
        counts = re.findall(r"^\d+ passed, \d+ failed.*$", said, re.MULTILINE)
        if not counts:
            raise Failed(f"exit {code}, see {self.place}/tests.log")
        self.results["skipped"] = re.findall(r"^    skipped: (\S+): (.*)$", said, re.MULTILINE)
        if code != 0:
            raise Failed(f"{counts[-1]}: {', '.join(failed_programs(said))}")
        return counts[-1]

    def package(self):
        said = self.must("make deb", "package")
        return f"{warnings(said)} warnings"

    def lintian(self):
        said = self.must("tests/install-deps.sh package && lintian --allow-root --fail-on=error --display-info --pedantic build/deb/*.changes",
                         "lintian")
        tags = sorted(set(re.findall(r"^([EWIP]: \S+: \S+|[EWIP]: \S+ \S+: \S+)", said, re.MULTILINE)))
        return "nothing said" if not tags else "no errors; " + ", ".join(tag.split()[-1] for tag in tags)

    def install(self):
        """Installed, upgraded and purged by dpkg, without a systemd that runs; `make test-deb` does it with one."""
        conf, state = f"/etc/{NAME}/agent.conf", f"/var/lib/{NAME}"
        self.must(f"""set -eux
rm -rf /tmp/old && dpkg-deb -R build/deb/{NAME}_*.deb /tmp/old
sed -i 's/^Version: .*/Version: 0.0.9/' /tmp/old/DEBIAN/control && echo '# another sample' >>/tmp/old{conf}
dpkg-deb --root-owner-group -b /tmp/old /tmp/old.deb
apt-get -q install -y --no-install-recommends /tmp/old.deb
test "$(stat -c %U:%G:%a {conf})" = root:{NAME}:640
agent --version && agent check-config && agent replay --tz UTC fixtures/logs/one-table-timeout.log >/dev/null
mkdir -p {state} && echo kept >{state}/kept && echo '[notify]' >>{conf} && cp {conf} /tmp/conf
apt-get -q install -y --no-install-recommends -o Dpkg::Options::=--force-confold ./build/deb/{NAME}_*.deb
test "$(dpkg-query -W -f '${{Version}}' {NAME})" != 0.0.9
cmp {conf} /tmp/conf && test -e {state}/kept
apt-get -q purge -y {NAME}
! test -e {conf} && ! test -e {state} && ! getent passwd {NAME} && ! test -e /usr/bin/agent
""", "install", 900)
        return "installed, upgraded, purged"

    def answers(self, program="build/agent"):
        """That what it makes of every log is byte for byte what this machine's agent makes of it."""
        self.must(f"set -- build/answers {program}\n{ANSWERS}", "answers", 1800)
        expected = self.place / "expected"
        shutil.rmtree(expected, ignore_errors=True)
        subprocess.run(["sh", "-c", ANSWERS, "sh", str(expected), str(AGENT)], cwd=ROOT, check=True, timeout=1800)
        names = sorted(path.name for path in expected.iterdir())
        other = [name for name in names
                 if (expected / name).read_bytes() != (self.root / "src/build/answers" / name).read_bytes()]
        if other or not names:
            raise Failed(f"{len(other)} of {len(names)} answers differ from this machine's: {', '.join(other)[:200]}")
        return f"{len(names)} equal"

    def cross_build(self):
        triplet, emulator = self.cross
        if not shutil.which(emulator):
            raise Unreachable(f"no {emulator} here (Debian: qemu-user-static)")
        self.need_make()
        shutil.copy(shutil.which(emulator), self.root / "usr/local/bin" / emulator)
        libraries = " ".join(f"{library}:{self.architecture}" for library in LIBRARIES)
        self.must(f"""dpkg --add-architecture {self.architecture} && apt-get -q update && apt-get -q install -f -y && make deps \
&& apt-get -q install -y --no-install-recommends gcc-{triplet} libc6-dev-{self.architecture}-cross pkgconf:{self.architecture} {libraries}""", "libraries")
        said = self.must(f"make -k -j$(nproc) BUILD=build CC={triplet}-gcc AR={triplet}-ar PKG_CONFIG={triplet}-pkg-config CC_FOR_BUILD=gcc all unit share",
                         "build")
        return f"{warnings(said)} warnings"

    def cross_tests(self):
        emulator = self.cross[1]
        code, said = self.shell(f"FUZZ_COST=no python3 tests/run.py --under {emulator} build unit fuzz", "tests", 5400)
        return self.counted(code, said)

    def run(self):
        """All steps, as far as those that a step needs passed."""
        if not self.step("root", self.make_root):
            return
        self.copy_sources()
        if self.cross:
            if self.step("build", self.cross_build):
                self.step("answers", lambda: self.answers(f"{self.cross[1]} build/agent"))
                self.step("tests", self.cross_tests)
            return
        if self.step("build", self.build):
            self.step("answers", self.answers)
            self.step("demo", self.demo)
            if self.step("package", self.package):
                self.step("lintian", self.lintian)
                self.step("install", self.install)
            self.step("tests", self.tests)

    def row(self):
        def cell(name):
            step = self.results["steps"].get(name)
            if step is None:
                return "–"
            return step["detail"] if step["verdict"] == "ok" else f"**{step['verdict']}**: {step['detail']}"
        return [self.name, *(cell(name) for name in COLUMNS)]


COLUMNS = ("build", "answers", "demo", "package", "lintian", "install", "tests")
AGENT = (pathlib.Path(os.environ.get("BUILD", str(ROOT / "build"))) / "agent").resolve()


def report_skipped(platforms):
    """Why which tests were skipped where: a line for each reason."""
    reasons = {}
    for platform in platforms:
        for test, why in platform.results.get("skipped", ()):
            reasons.setdefault(why, {}).setdefault(test, []).append(platform.name)
    if reasons:
        print("\n| skipped, because | tests | on |\n|---|---|---|")
    for why, tests in sorted(reasons.items()):
        where = sorted({name for names in tests.values() for name in names})
        print(f"| {why} | {', '.join(sorted(tests))} | {', '.join(where)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--place", type=pathlib.Path, default=ROOT / "build" / "platforms")
    parser.add_argument("--tests", default="", help="what tests/run.py is given; all tests without it")
    parser.add_argument("platforms", nargs="*")
    chosen = parser.parse_args()
    everything = [*NATIVE, *CROSS]
    for name in chosen.platforms:
        if name not in everything:
            parser.error(f"no platform {name}: choose of {', '.join(everything)}")
    why = "not root, which debootstrap and chroot need" if os.geteuid() != 0 else None if shutil.which("unshare") else "no unshare here"
    if why:
        print(f"test-platforms: skipped: {why}")
        return 0
    sources = fingerprint(source_files())
    chosen.place.mkdir(parents=True, exist_ok=True)
    platforms = [Platform(name, chosen.place.resolve(), sources, chosen.tests.split()) for name in chosen.platforms or everything]
    for platform in platforms:
        platform.run()
    print(f"\n| platform | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for platform in platforms:
        print(f"| {' | '.join(platform.row())} |")
    report_skipped(platforms)
    verdicts = [step["verdict"] for platform in platforms for step in platform.results["steps"].values()]
    return 1 if "failed" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
