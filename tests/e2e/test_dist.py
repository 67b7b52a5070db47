# SPDX-License-Identifier: GPL-2.0-or-later
"""`make dist`: the same bytes for everybody, all of the sources, and files for other distributions that name what `install` puts there."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

import platforms

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "agent" / "package"
# What the libraries of the Makefile are called elsewhere. pkg-config's own names serve RPM.
ARCH = {"libpcre2-8": "pcre2", "libcurl": "curl", "sqlite3": "sqlite", "inih": "libinih", "zlib": "zlib", "libsystemd": "systemd"}
ALPINE = {"libpcre2-8": "pcre2-dev", "libcurl": "curl-dev", "sqlite3": "sqlite-dev", "inih": "inih-dev", "zlib": "zlib-dev"}
DEBIAN = {"libpcre2-8": "libpcre2-dev", "libcurl": "libcurl4-gnutls-dev", "sqlite3": "libsqlite3-dev", "inih": "libinih-dev",
          "zlib": "zlib1g-dev", "libsystemd": "libsystemd-dev"}
TIMEOUT_S = 180


def make(tree, *arguments, umask=0o022):
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name not in ("MFLAGS", "BUILD", "DESTDIR")}
    return subprocess.run(["make", "-s", "--no-print-directory", *arguments], cwd=tree, env=env, umask=umask, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=True, timeout=600).stdout


def read(path):
    return path.read_text(encoding="utf-8")


def libraries():
    """What the agent is linked with. libsystemd stands apart in the Makefile, because `make SYSTEMD=no` leaves it out."""
    listed = re.search(r"^LIBRARIES +:= (.*)$", read(ROOT / "Makefile"), re.MULTILINE)[1]
    return listed.split(" $(")[0].split() + ["libsystemd"]


@unittest.skipUnless((ROOT / ".git").exists() and shutil.which("git"), "no clone: there is nothing to make a tarball of")
class Dist(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.tree = cls.clone("it's a clone")
        make(cls.tree, "dist")
        cls.dist = cls.tree / "build" / "dist"
        cls.tarball = next(cls.dist.glob("*.tar.gz"))
        cls.version = re.search(r"\(([^)-]+)", read(PACKAGE / "debian" / "changelog"))[1]

    @classmethod
    def clone(cls, name):
        subprocess.run(["git", "-c", "safe.directory=*", "clone", "-q", str(ROOT), str(cls.folder / name)], check=True, timeout=600)
        return cls.folder / name

    def test_its_name_is_the_version_of_the_changelog(self):
        self.assertEqual(self.tarball.name, f"iceberg-offload-agent-{self.version}.tar.gz")

    def test_everybody_makes_the_same_bytes(self):
        other = self.clone("other")
        make(other, "dist", umask=0o077)
        self.assertEqual({path.name: path.read_bytes() for path in (other / "build" / "dist").iterdir()},
                         {path.name: path.read_bytes() for path in self.dist.iterdir()})

    def test_it_has_every_file_of_the_commit_and_debian_s_in_their_place(self):
        known = subprocess.run(["git", "-c", "safe.directory=*", "ls-tree", "-r", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True,
                               check=True, timeout=600).stdout.splitlines()
        placed = [name.removeprefix("agent/package/") for name in known if name.startswith("agent/package/debian/")]
        self.assertTrue(placed)
        with tarfile.open(self.tarball) as tarball:
            there = tarball.getmembers()
        names = sorted(member.name.split("/", 1)[1] for member in there if not member.isdir())
        self.assertEqual(names, sorted(known + placed))
        self.assertEqual({(member.uid, member.gid, member.uname, member.mode & 0o022) for member in there}, {(0, 0, "", 0)})

    def test_the_other_distributions_files_are_filled_in(self):
        made = sorted(path.name for path in self.dist.iterdir())
        self.assertEqual(made, sorted(["APKBUILD", "PKGBUILD", "iceberg-offload-agent.initd", "iceberg-offload-agent.pre-install",
                                       "iceberg-offload-agent.spec", self.tarball.name]))
        for name in ("APKBUILD", "PKGBUILD", "iceberg-offload-agent.spec"):
            text = read(self.dist / name)
            self.assertEqual(re.findall(r"@[A-Z0-9_]+@", text), [], name)
            self.assertIn(self.version, text)
        self.assertIn(hashlib.sha256(self.tarball.read_bytes()).hexdigest(), read(self.dist / "PKGBUILD"))
        sums = dict(reversed(line.split("  ")) for line in re.findall(r"^[0-9a-f]{128}  \S+$", read(self.dist / "APKBUILD"), re.MULTILINE))
        self.assertEqual(sums, {path.name: hashlib.sha512(path.read_bytes()).hexdigest()
                                for path in (self.tarball, *self.dist.glob("*.initd"), *self.dist.glob("*.pre-install"))})

    def test_the_spec_lists_what_install_puts_there(self):
        spec = read(self.dist / "iceberg-offload-agent.spec").split("%files")[1]
        for macro, folder in (("%{_unitdir}", "/usr/lib/systemd/system"), ("%{_sysusersdir}", "/usr/lib/sysusers.d")):
            spec = spec.replace(macro, folder)
        listed = {line.removesuffix("*") for line in spec.splitlines() if line.startswith("/")}
        said = make(ROOT, "-n", "install", "DESTDIR=/d", "PREFIX=/usr", "UNITDIR=/usr/lib/systemd/system",
                    "ZSHDIR=/usr/share/zsh/site-functions")
        installed = set(re.findall(r"install -D -m \d+ \S+ '/d(/[^']+)'", said))
        self.assertGreaterEqual(len(installed), 10)
        self.assertEqual(listed, installed)

    def test_shells_and_rpm_have_nothing_to_say(self):
        scripts = [("sh", name) for name in ("APKBUILD", "iceberg-offload-agent.initd", "iceberg-offload-agent.pre-install")]
        for shell, name in [*scripts, ("bash", "PKGBUILD")]:
            subprocess.run([shell, "-n", str(self.dist / name)], check=True, timeout=600)
            if shutil.which("shellcheck"):
                # What these files set is used, and their functions are called, by the package manager or OpenRC; which also goes
                # no further after an error.
                done = subprocess.run(["shellcheck", "-s", shell, "-e", "SC2034,SC2154,SC2164,SC2317", str(self.dist / name)],
                                      capture_output=True, text=True, check=False, timeout=600)
                self.assertEqual(done.stdout, "", name)
        if shutil.which("rpmspec"):
            done = subprocess.run(["rpmspec", "-P", str(self.dist / "iceberg-offload-agent.spec")], capture_output=True, text=True,
                                  check=False, timeout=600)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class Libraries(unittest.TestCase):
    def test_each_distribution_s_file_names_every_library(self):
        spec, arch = read(PACKAGE / "rpm/iceberg-offload-agent.spec.in"), read(PACKAGE / "arch/PKGBUILD.in")
        alpine, debian = read(PACKAGE / "alpine/APKBUILD.in"), read(PACKAGE / "debian/control")
        self.assertEqual(set(re.findall(r"^BuildRequires: +pkgconfig\((.*)\)$", spec, re.MULTILINE)), {*libraries(), "libpq", "libmicrohttpd"})
        depends = set(re.search(r"^depends=\((.*)\)", arch, re.MULTILINE)[1].split())
        self.assertEqual({ARCH[library] for library in libraries()}, depends & set(ARCH.values()))
        for programs_own in ("libmicrohttpd", "postgresql-libs"):
            self.assertRegex(arch, rf"(?m)^makedepends=\(.*\b{programs_own}\b")
            self.assertRegex(arch, rf"(?m)^optdepends=\(.*'{programs_own}: ")
        makedepends = set(re.search(r'^makedepends="(.*)"', alpine, re.MULTILINE)[1].split())
        self.assertIn("SYSTEMD=no", alpine)
        self.assertEqual({*ALPINE.values(), "libpq-dev", "libmicrohttpd-dev"}, {name for name in makedepends if name.endswith("-dev")})
        self.assertLessEqual({DEBIAN[library] for library in libraries()}, set(platforms.LIBRARIES))
        for library in libraries():
            self.assertRegex(debian, rf"(?m)^ +{re.escape(DEBIAN[library])},?$")

    def test_those_whose_libcurl_uses_openssl_use_the_kernel_s_inotify(self):
        for name in ("rpm/iceberg-offload-agent.spec.in", "arch/PKGBUILD.in", "alpine/APKBUILD.in"):
            self.assertIn("INOTIFY=kernel", read(PACKAGE / name))


if __name__ == "__main__":
    unittest.main()
