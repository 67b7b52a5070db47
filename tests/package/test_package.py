# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package on a throw-away machine: installed it runs and notifies, upgraded it forgets nothing, purged nothing is left."""
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.machine import Machine, why_not   # noqa: E402

BUILD = pathlib.Path(os.environ.get("BUILD", str(ROOT / "build"))).resolve()
NAME = "iceberg-offload-agent"
CONF = f"/etc/{NAME}/agent.conf"
STATE = f"/var/lib/{NAME}"
LOG = "/tmp/iceberg-offload-scheduler.log"
APT = "apt-get -q -y -o Dpkg::Options::=--force-confold install"
TIMEOUT_S = 1500
ALONE = True


def the_package():
    found = list((BUILD / "deb").glob(f"{NAME}_*.deb"))
    assert len(found) == 1, f"{found}: `make deb` makes one"
    return found[0]


def deb(*arguments):
    return subprocess.run(["dpkg-deb", *map(str, arguments)], capture_output=True, text=True, check=True, timeout=60).stdout


def make_older(package, version, to):
    """The package as an earlier version might have been: another sample, so that dpkg has to choose whose conffile to keep."""
    with tempfile.TemporaryDirectory() as folder:
        deb("-R", package, folder)
        control, conf = pathlib.Path(folder, "DEBIAN/control"), pathlib.Path(folder + CONF)
        control.write_text(re.sub(r"^Version: .*", f"Version: {version}", control.read_text(), flags=re.MULTILINE))
        conf.write_text(conf.read_text() + "# another sample\n")
        deb("--root-owner-group", "-b", folder, to)


# Who else may build: where, in which locale of which character set (C needs none), in which time zone, with which umask, from how old
# files, and as whom (another user than root needs root here). Czech sorts words in an order of its own, and Turkish neither in UTF-8 nor
# with the same small letters. The oldest files are older than the changelog.
BUILDERS = (("plain", "C", None, "UTC", 0o022, None, None), ("it's a path", "cs_CZ.UTF-8", "UTF-8", "Pacific/Kiritimati", 0o077, "2020-01-01", None),
            ("deeper/and $HOME", "tr_TR.ISO-8859-9", "ISO-8859-9", "America/St_Johns", 0o027, "2038-01-01", "nobody"))
# Variables that a builder may have set for another `make install`.
ELSEWHERE = {"BINDIR": "/opt/bin", "ZSHDIR": "/opt/zsh", "SYSCONFDIR": "/opt/etc", "INOTIFY": "kernel"}


def make_locale(folder, locale, charset):
    """Whether a locale could be made below the folder, which LOCPATH then names."""
    if not shutil.which("localedef"):
        return False
    done = subprocess.run(["localedef", "--no-archive", "-i", locale.split(".")[0], "-f", charset, f"{folder}/{locale}"],
                          capture_output=True, check=False, timeout=100)
    return done.returncode == 0


def copy_sources(tree, umask=0o022):
    tree.mkdir(parents=True)
    subprocess.run(["sh", "-c", f"umask {umask:03o} && tar -cf - --exclude=./build* --exclude=./.git --exclude=./.tools ."
                    ' | tar -C "$0" --no-same-permissions -xf -', str(tree)], cwd=ROOT, check=True, timeout=100)


def build_as(tree, locales, locale, zone, umask, touched, user):
    """The packages' bytes by name that such a builder gets from the same sources. `locales` is the directory of the locales."""
    copy_sources(tree, umask)
    if touched:
        subprocess.run(["find", ".", "-exec", "touch", "-h", "-d", touched, "{}", "+"], cwd=tree, check=True, timeout=100)
    become = {}
    if user and os.geteuid() == 0:
        who = pwd.getpwnam(user)
        subprocess.run(["chown", "-R", f"{who.pw_uid}:{who.pw_gid}", "."], cwd=tree, check=True, timeout=100)
        become = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": ()}
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "MAKE")) and name != "BUILD"}
    done = subprocess.run(["make", "deb"], cwd=tree, env={**env, **ELSEWHERE, "LC_ALL": locale, "LOCPATH": locales, "TZ": zone}, umask=umask,
                          capture_output=True, check=False, timeout=900, **become)
    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")[-4000:]
    return {path.name: path.read_bytes() for path in tree.glob("build/deb/*.deb")}


class Contents(unittest.TestCase):
    def test_lintian_has_nothing_to_say(self):
        """But that it is older than the Standards-Version, where it is."""
        if not shutil.which("lintian"):
            self.skipTest("no lintian here")
        changes = next((BUILD / "deb").glob("*.changes"))
        done = subprocess.run(["lintian", "--allow-root", "--pedantic", "--display-info", "--fail-on=error,warning,info,pedantic",
                               "--suppress-tags=newer-standards-version", str(changes)], capture_output=True, text=True, check=False, timeout=300)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_same_source_gives_the_same_bytes_for_every_builder(self):
        expected = {path.name: path.read_bytes() for path in (BUILD / "deb").glob("*.deb")}
        self.assertTrue(expected)
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            for directory, locale, charset, *builder in BUILDERS:
                with self.subTest(directory=directory, locale=locale, builder=builder):
                    if charset and not make_locale(folder, locale, charset):
                        self.skipTest(f"localedef cannot make {locale} (Debian: locales)")
                    self.assertEqual({name: found == expected[name] for name, found in
                                      build_as(pathlib.Path(folder, directory), folder, locale, *builder).items()},
                                     dict.fromkeys(expected, True))

    def test_its_version_is_the_agent_s(self):
        with tempfile.TemporaryDirectory() as folder:
            deb("-x", the_package(), folder)
            said = subprocess.run([f"{folder}/usr/bin/agent", "--version"], capture_output=True, text=True, check=True, timeout=20)
        self.assertEqual(said.stdout.split()[-1], deb("-f", the_package(), "Version").strip().split("-")[0])

    def test_it_depends_on_the_libraries_that_it_links(self):
        depends = deb("-f", the_package(), "Depends")
        for library in ("libc6", "libcurl3-gnutls", "libinih1", "libinotifytools0", "libpcre2-8-0", "libsqlite3-0"):
            self.assertIn(library + " (>=", depends)
        self.assertNotIn("libcurl4", depends)


def boot(enter_context, share):
    """A machine with a receiver of webhooks. What a container's image does to keep services from starting is undone."""
    machine = enter_context(Machine(share))
    machine.run("rm -f /usr/sbin/policy-rc.d")
    machine.receive()
    return machine


@unittest.skipIf(why_not(), why_not())
class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.share = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        shutil.copy(the_package(), cls.share / "new.deb")
        make_older(the_package(), "0.0.9", cls.share / "old.deb")
        shutil.copy(ROOT / "tests/schema/version-1.sql", cls.share)
        shutil.copytree(ROOT / "fixtures/logs", cls.share / "logs")
        cls.machine = boot(cls.enterClassContext, cls.share)

    def setUp(self):
        (self.share / "requests").write_text("")
        self.addCleanup(self.machine.run, f"dpkg --purge {NAME}; rm -f {LOG}*", timeout=120)

    def install(self, package="new.deb"):
        return self.machine.run(f"{APT} /run/share/{package}", timeout=200)

    def active(self, unit=NAME):
        return self.machine.show(unit, "ActiveState")

    def ask(self, question):
        """The number that the history answers to a question in SQL."""
        script = f"import sqlite3, sys; print(sqlite3.connect('{STATE}/history.db').execute(sys.argv[1]).fetchone()[0])"
        return int(self.machine.run(f'{sys.executable} -c "{script}" "{question}"').stdout)

    def wait_for_page(self, path):
        """Until a notification of something firing came to this path of the receiver."""
        self.machine.wait_for(f"grep '\"{path}\"' /run/share/requests | grep -q '[Ff]iring'", timeout=60)

    def fail_a_table(self):
        """A log of now in which a table fails again and again."""
        script = self.share / "fail.sh"
        script.write_text(f"""set -eu
log() {{ echo "$(date '+%Y-%m-%d %H:%M:%S,%3N') - __main__ - $*" >>{LOG}; sleep 0.02; }}
umask 022
for i in 1 2 3 4; do
    log "INFO - OFFLOAD CYCLE STARTED"; log "INFO - Time: $(date -Iseconds)"; log "INFO - Tables: 1"
    log "INFO - Starting offload: bronze_trades_kraken → cold.bronze_trades_kraken"
    log "ERROR - ✗ Offload failed: bronze_trades_kraken"; log "ERROR -   Exit code: 1"
    log "ERROR -   Stderr: java.net.ConnectException: Connection refused"
    log "INFO - OFFLOAD CYCLE COMPLETED"; log "INFO - Duration: 0.1s"; log "INFO - Success: 0, Failed: 1, Timeout: 0"
    log "INFO - Total rows offloaded: 0"
    sleep 1
done
""", encoding="utf-8")
        self.machine.run("sh /run/share/fail.sh")

    def test_installed_it_runs_as_its_own_user_and_notifies(self):
        self.install()
        self.assertEqual(self.active(), "active")
        self.assertEqual(self.machine.show(NAME, "UnitFileState"), "enabled")
        self.assertEqual(self.machine.run(f"stat -c '%U:%G %a' {CONF} {STATE}").stdout.splitlines(),
                         [f"root:{NAME} 640", f"{NAME}:{NAME} 750"])
        user = self.machine.run(f"ps -o user:32= -p {self.machine.show(NAME, 'MainPID')}").stdout.strip()
        self.assertEqual(user, NAME)
        self.machine.run(f"printf '[webhook oncall]\\nurl = http://127.0.0.1:9000/installed\\n[detect]\\nburst = 100ms\\n' >>{CONF}"
                         f" && agent check-config && systemctl reload {NAME}")
        self.fail_a_table()
        self.wait_for_page("/installed")
        status = self.machine.run("agent status --format json", check=False)
        self.assertIn(status.returncode, (0, 1, 2), status.stderr)
        self.assertEqual(json.loads(status.stdout)["agent"]["state"], "running", status.stdout)
        self.assertNotEqual(self.machine.show(NAME, "StatusText"), "")
        self.machine.run("for page in man1/agent.1 man5/agent.conf.5; do zcat /usr/share/man/$page.gz | mandoc -T lint -W error; done")

    def test_the_tests_for_a_distribution_pass_beside_the_installed_package(self):
        """debian/tests, which autopkgtest runs in the sources, with nothing built in them."""
        self.install()
        copy_sources(self.share / "tree")
        tests = re.findall(r"^Tests: (.*)$", (ROOT / "agent/package/debian/tests/control").read_text(), re.MULTILINE)
        self.assertTrue(tests)
        for name in " ".join(tests).split():
            with self.subTest(name):
                self.machine.run(f"cd /run/share/tree && sh agent/package/debian/tests/{name}", timeout=300)

    def test_an_upgrade_keeps_the_history_and_what_people_configured(self):
        self.install("old.deb")
        before = self.machine.show(NAME, "MainPID")
        self.machine.run(f"systemctl stop {NAME} && cp /run/share/logs/one-table-timeout.log {LOG}"
                         f" && printf '[webhook oncall]\\nurl = http://127.0.0.1:9000/upgraded\\n' >>{CONF}"
                         f" && printf '[history]\\nretention = 20000d\\n' >/etc/{NAME}/other.conf"
                         f" && sed -i 's/^# retention = .*/retention = 20000d/' {CONF} && rm -f {STATE}/history.db*"
                         f" && {sys.executable} -c \"import sqlite3; sqlite3.connect('{STATE}/history.db')"
                         f".executescript(open('/run/share/version-1.sql').read())\" && chown {NAME}: {STATE}/*"
                         f" && systemctl start {NAME} {NAME}@other")
        cycles, incidents = (self.ask(f"SELECT count(*) FROM {table}") for table in ("cycle", "incident"))
        self.assertTrue(cycles > 0 and incidents > 0)
        instance = self.machine.show(f"{NAME}@other", "MainPID")
        configured = self.machine.run(f"cat {CONF}").stdout
        self.install()
        self.assertEqual(self.machine.run(f"dpkg-query -W -f '${{Version}}' {NAME}").stdout, deb("-f", the_package(), "Version").strip())
        self.assertEqual((self.active(), self.active(f"{NAME}@other")), ("active", "active"))
        self.assertNotIn(self.machine.show(NAME, "MainPID"), ("0", before))
        self.assertNotIn(self.machine.show(f"{NAME}@other", "MainPID"), ("0", instance))
        self.assertEqual(self.machine.run(f"cat {CONF}; stat -c '%U:%G %a' {CONF}").stdout, f"{configured}root:{NAME} 640\n")
        self.assertGreaterEqual(self.ask("SELECT count(*) FROM cycle"), cycles)
        self.assertGreaterEqual(self.ask("SELECT count(*) FROM incident"), incidents)
        # An administrator who disabled the service finds it disabled.
        self.machine.run(f"systemctl disable --now {NAME} && apt-get -q -y --reinstall -o Dpkg::Options::=--force-confold"
                         " install /run/share/new.deb", timeout=200)
        self.assertEqual((self.active(), self.machine.show(NAME, "UnitFileState")), ("inactive", "disabled"))

    def test_removed_it_keeps_what_is_not_its_own_and_purged_it_leaves_nothing(self):
        self.install()
        self.machine.run(f"touch /etc/{NAME}/other.conf && systemctl start {NAME}@other && gpasswd -a nobody {NAME}")
        self.machine.run(f"apt-get -q -y remove {NAME}", timeout=100)
        self.assertEqual((self.active(), self.active(f"{NAME}@other")), ("inactive", "inactive"))
        self.machine.run(f"test -s {CONF} && test -s {STATE}/history.db && id {NAME} && ! command -v agent")
        self.install()
        self.assertEqual(self.active(), "active")
        self.machine.run(f"apt-get -q -y purge {NAME}", timeout=100)
        left = self.machine.run(f"find / -xdev \\( -path /proc -o -path /var/log -o -path /run/share -o -path /tmp \\) -prune -o"
                                f" -name '*{NAME}*' -newer /run/share/new.deb -print; getent passwd {NAME}; getent group {NAME};"
                                f" ls -d /etc/{NAME} {STATE} 2>/dev/null; pgrep -x agent", check=False).stdout.splitlines()
        self.assertEqual([line for line in left if not line.startswith(("/tmp", "/root", "/work", "/home"))], [])

    def test_an_administrator_s_own_mode_of_the_configuration_stays(self):
        self.install("old.deb")
        self.machine.run(f"chgrp adm {CONF} && systemctl stop {NAME} && sed -i 1d {CONF}")
        self.install()
        self.assertEqual(self.machine.run(f"stat -c %G {CONF}").stdout, "adm\n")

    def test_the_logrotate_rule_loses_no_writer_and_the_one_that_platforms_have_does(self):
        self.install()
        example = f"/usr/share/doc/{NAME}/examples/iceberg-offload-scheduler"
        said = self.machine.run(f"echo before >{LOG}; chmod 644 {LOG}; systemd-run -q --unit=writer -p StandardOutput=append:{LOG}"
                                f" sh -c 'while :; do echo line; sleep 0.2; done'; logrotate -d {example} 2>&1").stdout
        self.addCleanup(self.machine.run, "systemctl stop writer")
        self.assertNotIn("error", said)
        self.machine.run(f"logrotate -s /tmp/logrotate.state -f {example} && grep -q before {LOG}.1 && ! grep -q before {LOG}")
        self.machine.wait_for(f"grep -q line {LOG}")
        self.machine.wait_for(f"journalctl -u {NAME} | grep -qi truncat")
        # Why it is an example: two rules for one file are an error, and the second is not obeyed.
        both = self.machine.run(f"mkdir -p /tmp/rules && cp {example} /tmp/rules/a && cp {example} /tmp/rules/b"
                                " && logrotate -d /tmp/rules 2>&1", check=False).stdout
        self.assertIn("duplicate log entry", both)


@unittest.skipIf(why_not(), why_not())
class FreshMachine(unittest.TestCase):
    """README's three commands as they are written, in a fresh clone; only whom to page is filled in."""

    def commands(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        block = re.search(r"^## Install.*?^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[1]
        filled = block.replace("https://hooks.slack.com/services/...", "http://127.0.0.1:9000/fresh")
        self.assertEqual(len(block.splitlines()), 3, block)
        self.assertNotEqual(filled, block)
        return filled

    def test_three_commands_lead_to_an_agent_that_notifies(self):
        if not (ROOT / ".git").exists():
            self.skipTest("no clone: there is nothing to clone from")
        share = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        subprocess.run(["git", "clone", "-q", "--bare", str(ROOT), str(share / "repository")], check=True, timeout=60)
        clone = "set -eu\ncd /root\napt-get install -y git make\ngit clone /run/share/repository clone\ncd clone\n"
        (share / "three.sh").write_text(clone + self.commands(), encoding="utf-8")
        machine = boot(self.enterContext, share)
        machine.run("command -v sudo || { printf '#!/bin/sh\nexec \"$@\"\n' >/usr/bin/sudo; chmod 755 /usr/bin/sudo; }")
        machine.run("HOME=/root sh /run/share/three.sh", timeout=900)
        self.assertEqual(machine.show(NAME, "ActiveState"), "active")
        machine.wait_for("grep -q /fresh /run/share/requests")
        self.assertIn("oncall", machine.run("agent status", check=False).stdout)


if __name__ == "__main__":
    unittest.main()
