# SPDX-License-Identifier: GPL-2.0-or-later
"""The Makefile in unusual places: paths with spaces and apostrophes, a caller's umask, directories and flags of a distribution."""
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.agent import has_sanitizer   # noqa: E402

BUILD = pathlib.Path(os.environ.get("BUILD", str(ROOT / "build")))
ODD = "it's a path"
# The one directory that is compiled into the programs stays the one that they were built for.
KEPT = "LIBEXECDIR=/usr/local/libexec/iceberg-offload-agent"
TIMEOUT_S = 400


def make(*arguments, cwd=ROOT, umask=-1):
    """Runs make without the variables of the make that runs the tests."""
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "BUILD", "DESTDIR")}
    return subprocess.run(["make", "--no-print-directory", *arguments], cwd=cwd, env=env, umask=umask, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=600)


def compiles(*arguments):
    """The command that compiles one source with these arguments of make, which is only printed."""
    said = make("-n", "V=1", "BUILD=no-build", *arguments, "no-build/obj/agent/main.o").stdout
    return next(line for line in said.splitlines() if " -c -o " in line)


@unittest.skipIf(has_sanitizer(), "built for a sanitizer: the copy would be built anew, with other flags")
class OddPath(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.tree = cls.folder / ODD
        for name in ("agent", "include", "parsers", "tests/install-deps.sh", "Makefile", "README.md"):
            (cls.tree / name).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", ROOT / name, cls.tree / name], check=True, timeout=600)
        # What is built already is not built again, but for an object of each program, the archive and the programs.
        shutil.copytree(BUILD, cls.tree / "build", ignore=shutil.ignore_patterns("tests", "deb", "*.new"), copy_function=shutil.copy2)
        for program in ("", "serve/", "watermark/"):
            (cls.tree / f"build/obj/agent/{program}main.o").unlink(missing_ok=True)

    def test_it_builds_and_installs_and_only_there(self):
        place = self.folder / "and a 'DESTDIR, for $HOME #1"
        done = make("install", f"DESTDIR={place}", "PREFIX=/usr", KEPT, cwd=self.tree, umask=0o077)
        self.assertEqual(done.returncode, 0, done.stdout)
        if "--coverage" not in (BUILD / "flags").read_text():     # else compiled with other flags than the copy is
            self.assertLess(done.stdout.count("  CC "), 4, "the flags differ, so that all is compiled anew")
        said = subprocess.run([place / "usr/bin/agent", "--version"], capture_output=True, text=True, check=True, timeout=600)
        self.assertRegex(said.stdout, r"\d")
        self.assertEqual({path.name for path in self.folder.iterdir()}, {ODD, place.name})
        there = [path for path in place.rglob("*") if path != place]
        self.assertGreaterEqual(len([path for path in there if path.is_file()]), 10)
        closed = [path for path in there if not path.stat().st_mode & stat.S_IROTH]
        self.assertEqual(closed, [], "a caller's umask keeps others from reading these")
        done = make("uninstall", f"DESTDIR={place}", "PREFIX=/usr", KEPT, cwd=self.tree)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual([path for path in place.rglob("*") if path.is_file()], [])

    def test_a_build_directory_that_make_cannot_have_is_refused(self):
        for build in ("a b", "it's"):
            done = make(f"BUILD={build}", cwd=self.tree)
            self.assertEqual(done.returncode, 2)
            self.assertIn("BUILD must be one path without a space or an apostrophe", done.stdout)


class PackageSources(unittest.TestCase):
    def test_the_package_is_built_from_all_that_is_compiled(self):
        """make names each command that builds and installs from the copy, and thus misses no file of it."""
        with tempfile.TemporaryDirectory() as folder:
            done = make("deb-sources", f"BUILD={folder}/build")
            self.assertEqual(done.returncode, 0, done.stdout)
            copy = next(pathlib.Path(folder, "build/deb").iterdir())
            done = make("-n", "all", "share", "install", "install-conf", cwd=copy)
            self.assertEqual(done.returncode, 0, done.stdout[-2000:])
            self.assertIn("agent.conf", done.stdout)
            self.assertTrue((copy / "debian/control").exists())


    def test_no_variable_of_the_builder_s_changes_what_the_package_has(self):
        """But the flags of the compiler. Each other variable that the Makefile takes is set by debian/rules, or not handed on."""
        taken = set(re.findall(r"^([A-Z_]+) +\?=", (ROOT / "Makefile").read_text(), re.MULTILINE))
        rules = (ROOT / "agent/package/debian/rules").read_text()
        hidden = set(re.search(r"^unexport (.*)$", rules, re.MULTILINE)[1].split())
        set_there = set(re.findall(r"\b([A-Z_]+)=", "".join(re.findall(r"^PLACE .*$", rules, re.MULTILINE))))
        self.assertEqual({name for name in taken - hidden - set_there if not name.startswith(("FUZZ_", "BENCH_"))},
                         {"CFLAGS", "PKG_CONFIG", "V"})


class Directories(unittest.TestCase):
    def test_each_directory_can_be_chosen(self):
        said = make("-n", "install", "PREFIX=/p", "BINDIR=/b", "MANDIR=/m", "UNITDIR=/u", "SYSCONFDIR=/s", "DESTDIR=/d").stdout
        for place in ("/d/b/agent", "/d/m/man1/agent.1", "/d/m/man5/agent.conf.5", "/d/u/iceberg-offload-agent.service",
                      "/d/p/lib/sysusers.d/iceberg-offload-agent.conf"):
            self.assertIn(f"'{place}'", said)
        self.assertIn("@BINDIR@|/b|", said)
        self.assertIn("--config /s/iceberg-offload-agent/%i.conf", said)

    def test_the_configuration_is_looked_for_in_the_directory_chosen(self):
        self.assertIn("""-DAGENT_SYSCONFDIR='"/usr/local/etc"'""", compiles("SYSCONFDIR=/usr/local/etc"))


class Flags(unittest.TestCase):
    def last(self, command, pattern):
        found = re.findall(pattern, command)
        self.assertTrue(found, command)
        return found[-1]

    def test_a_fortification_is_added_where_the_caller_names_none(self):
        self.assertEqual("2", self.last(compiles(), r"-D_FORTIFY_SOURCE=(\d)"))
        self.assertNotIn("FORTIFY", compiles("CFLAGS=-O0"))

    def test_a_distribution_s_hardening_wins(self):
        for variable in ("CFLAGS=-O2 -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=3", "CPPFLAGS=-D_FORTIFY_SOURCE=3"):
            command = compiles(variable)
            self.assertEqual(["3"], re.findall(r"D_FORTIFY_SOURCE=(\d)", command))
            self.assertNotIn(" -U_FORTIFY_SOURCE", command)
        command = compiles("CFLAGS=-O2 -fasynchronous-unwind-tables -fno-stack-clash-protection")
        self.assertEqual("-fasynchronous-unwind-tables", self.last(command, r"-f(?:no-)?asynchronous-unwind-tables"))
        self.assertEqual("-fno-stack-clash-protection", self.last(command, r"-f(?:no-)?stack-clash-protection"))

    def test_files_and_times_have_64_bits_everywhere(self):
        self.assertIn(" -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 ", compiles())

    def test_another_pkg_config_is_asked_for_headers_and_libraries(self):
        with tempfile.TemporaryDirectory() as folder:
            other = pathlib.Path(folder, "other-pkg-config")
            other.write_text("#!/bin/sh\ncase $1 in --cflags) echo -I/sysroot/include ;; *) echo -L/sysroot/lib ;; esac\n")
            other.chmod(0o755)
            said = make("-n", "V=1", "BUILD=no-build", f"PKG_CONFIG={other}", "no-build/agent").stdout
        self.assertRegex(said, r"-I/sysroot/include .*-c -o no-build/obj/agent/main.o")
        self.assertRegex(said, r"-o no-build/agent .*-L/sysroot/lib")

    def test_a_cross_build_asks_an_agent_of_this_machine_for_its_pages(self):
        said = make("-n", "V=1", "BUILD=no-build", "CC_FOR_BUILD=cc", "no-build/share/agent.1", "no-build/share/agent.conf").stdout
        self.assertRegex(said, r"generate\.py no-build/native/agent agent/manual/agent\.1\.in")
        self.assertIn("no-build/native/agent check-config --sample", said)
        self.assertRegex(said, r"BUILD=no-build/native CC='cc'")
        self.assertNotIn(" no-build/agent ", said)


class Dependencies(unittest.TestCase):
    """tests/install-deps.sh where a compiler is missing, with an apt-get that says what the real one says."""

    def install(self, update, install, timeout='shift; exec "$@"'):
        """(exit code, what was said, how apt-get was called). `update`, `install` and `timeout` are lines of shell."""
        with tempfile.TemporaryDirectory() as folder:
            calls = pathlib.Path(folder, "calls")
            for name, text in (("apt-get", f'echo "$*" >>"{calls}"\ncase $* in *update*) {update} ;; *) {install} ;; esac'),
                               ("sudo", 'exec "$@"'), ("timeout", timeout)):
                program = pathlib.Path(folder, name)
                program.write_text(f"#!/bin/sh\n{text}\n")
                program.chmod(0o755)
            env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "CC": "there-is-no-such-compiler"}
            done = subprocess.run([ROOT / "tests/install-deps.sh", "build"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False, timeout=600)
            return done.returncode, done.stdout, calls.read_text()

    def test_without_a_network_a_few_words_of_ours_say_so(self):
        code, said, calls = self.install("for i in 1 2 3 4 5 6 7 8; do echo \"Err:$i an archive\"; done; echo 'W: Failed to fetch a list'",
                                         "for i in 1 2 3 4 5 6 7 8; do echo 'E: Failed to fetch a package'; done >&2; exit 100")
        self.assertEqual(code, 1)
        self.assertRegex(said, r"^deps: installing gcc\b.*\ndeps: apt-get reaches none of its archives: no network\?\n"
                               r"deps: these packages are missing and could not be installed: gcc\b.*\n"
                               r"deps: apt-get said: W: Failed to fetch a list\n$")
        self.assertIn("--no-download", calls)
        self.assertIn("Acquire::http::Timeout=10", calls)
        self.assertIn("Acquire::Retries=0", calls)

    def test_an_archive_that_never_answers_is_waited_for_briefly(self):
        code, said, calls = self.install("echo nothing", "echo 'E: Failed to fetch a package' >&2; exit 100",
                                         timeout='test "$1" -le 15 || exit 1; shift; "$@"; exit 124')
        self.assertEqual(code, 1)
        self.assertRegex(said, r"^deps: installing gcc\b.*\ndeps: apt-get reaches none of its archives: no network\?\n"
                               r"deps: these packages are missing and could not be installed: gcc\b.*\n"
                               r"deps: apt-get said: no answer within 15 seconds\n$")
        self.assertEqual([line.split()[-1] for line in calls.splitlines() if "update" in line], ["update"])
        self.assertIn("--no-download", calls)

    def test_archives_that_answer_slowly_get_the_time_that_they_need(self):
        code, said, calls = self.install("echo 'Get:1 an archive'", "exit 0", timeout='shift; "$@"; exit 124')
        self.assertEqual(len([line for line in calls.splitlines() if "update" in line]), 2)
        self.assertNotIn("--no-download", calls)
        self.assertIn("deps: installed, but still not found: gcc", said)
        self.assertEqual(code, 1)

    def test_a_package_that_cannot_be_had_is_named(self):
        code, said, calls = self.install("echo 'Hit:1 an archive'", "echo 'E: Unable to locate package gcc' >&2; exit 100")
        self.assertEqual(code, 1)
        self.assertIn("could not be installed: gcc", said)
        self.assertIn("deps: apt-get said: E: Unable to locate package gcc", said)
        self.assertNotIn("no network", said)
        self.assertNotIn("--no-download", calls)

    def test_one_archive_of_several_that_fails_keeps_nothing_from_being_installed(self):
        code, said, calls = self.install("echo 'Hit:1 an archive'; echo 'Err:2 another'; exit 100", "exit 0")
        self.assertNotIn("--no-download", calls)
        self.assertIn("deps: apt-get update failed; trying with the package lists at hand", said)
        self.assertIn("deps: installed, but still not found: gcc", said)
        self.assertEqual(code, 1)


if __name__ == "__main__":
    unittest.main()
