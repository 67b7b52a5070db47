# SPDX-License-Identifier: GPL-2.0-or-later
"""The release's tarball, unpacked in an empty place: it builds there and installs, and rpmbuild makes a package of it."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 1200
ALONE = True
# What rpmlint says because Debian has neither Fedora's macros nor its configuration of rpmlint, and of a file that will hold secrets.
NOT_ASKED = (": unstripped-binary-or-object ", ": no-manual-page-for-binary agent", ": manpage-not-compressed ", ": bad-manual-page-folder ",
             ": invalid-license GPL-2.0-or-later", ": empty-%", ": no-signature", ": no-packager-tag", ": no-group-tag", ": no-buildroot-tag",
             ": non-readable /etc/iceberg-offload-agent/agent.conf ", ": non-standard-gid /etc/iceberg-offload-agent/agent.conf ")


def run(*command, cwd):
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name not in ("MFLAGS", "BUILD", "DESTDIR")}
    done = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@unittest.skipUnless((ROOT / ".git").exists() and shutil.which("git"), "no clone: there is nothing to make a tarball of")
class Tarball(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        run("git", "-c", "safe.directory=*", "clone", "-q", str(ROOT), "clone", cwd=cls.folder)
        run("make", "-s", "dist", cwd=cls.folder / "clone")
        cls.dist = cls.folder / "clone" / "build" / "dist"
        cls.tarball = next(cls.dist.glob("*.tar.gz"))
        cls.version = cls.tarball.name.removesuffix(".tar.gz").rsplit("-", 1)[1]

    def test_it_builds_and_installs_in_an_empty_place(self):
        place = self.folder / "place"
        place.mkdir()
        run("tar", "-xf", str(self.tarball), cwd=place)
        tree = next(place.iterdir())
        said = run("make", "-j2", "PREFIX=/usr", f"DESTDIR={place}/root", "INOTIFY=kernel", "install", cwd=tree)
        self.assertNotIn("warning:", said)
        self.assertIn(self.version, run(str(place / "root/usr/bin/agent"), "--version", cwd=place))

    @unittest.skipUnless(shutil.which("rpmbuild"), "no rpmbuild here (Debian: rpm)")
    def test_rpmbuild_makes_a_package_of_it(self):
        top = self.folder / "rpm"
        (top / "SOURCES").mkdir(parents=True)
        shutil.copy(self.tarball, top / "SOURCES")
        # Without its dependencies: they are RPMs too. Without a package of debug information, for which Debian lacks Fedora's macros,
        # as it lacks those of systemd.
        run("rpmbuild", "-bb", "--nodeps", "-D", f"_topdir {top}", "-D", "_unitdir /usr/lib/systemd/system",
            "-D", "_sysusersdir /usr/lib/sysusers.d", "-D", "debug_package %{nil}", "-D", "make_build make -j2",
            str(self.dist / "iceberg-offload-agent.spec"), cwd=top)
        package = next(top.glob("RPMS/*/*.rpm"))
        listed = run("rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME}\n]", str(package), cwd=top)
        self.assertIn("/usr/bin/agent -rwxr-xr-x root:root", listed)
        self.assertIn("/etc/iceberg-offload-agent/agent.conf -rw-r----- root:iceberg-offload-agent", listed)
        files = {line.split()[0] for line in listed.splitlines()}
        for path in map(pathlib.PurePosixPath, files):
            if path.parent.name == "iceberg-offload-agent":
                self.assertIn(str(path.parent), files, "removed with the package, this directory would stay")
        requires = run("rpm", "-qpR", str(package), cwd=top)
        self.assertIn("libcurl", requires)
        self.assertNotIn("inotifytools", requires)
        if shutil.which("rpmlint"):
            said = subprocess.run(["rpmlint", str(self.dist / "iceberg-offload-agent.spec"), str(package)], capture_output=True, text=True,
                                  check=False, timeout=100).stdout
            self.assertRegex(said, r"(?m)^ *1 packages and 1 specfiles checked")
            findings = [line.replace(": E: ", ": ").replace(": W: ", ": ") for line in said.splitlines() if re.search(": [EW]: ", line)]
            self.assertEqual([line for line in findings if not any(tag in line for tag in NOT_ASKED)], [])


if __name__ == "__main__":
    unittest.main()
