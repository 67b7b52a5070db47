# SPDX-License-Identifier: GPL-2.0-or-later
"""`agent doctor --suggest`: what is found on the host, as sections of a configuration that check-config takes."""
import configparser
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

LIB = Path(__file__).resolve().parents[1] / "lib"
sys.path.insert(0, str(LIB))

from agent import BINARY, run   # noqa: E402
from components import Docker   # noqa: E402

OK = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
ALL = {"8123": OK + "Ok.\n", "5432": "", "8000": OK + "offload_rows_total 1\n", "9090": OK, "3000": OK + "{}"}


def listed(name, image, *mounts):
    return {"Names": [f"/{name}"], "Image": image, "State": "running",
            "Mounts": [{"Type": kind, "Source": source, "Destination": destination} for kind, source, destination in mounts]}


PLATFORM = [
    listed("k2-spark-iceberg", "tabulario/spark-iceberg", ("bind", "/home/k2/docker/iceberg/warehouse", "/home/iceberg/warehouse"),
           ("volume", "/var/lib/docker/volumes/warehouse", "/other/warehouse"), ("bind", "/home/k2/notebooks", "/notebooks")),
    listed("k2-clickhouse", "clickhouse/clickhouse-server:25.3"),
    listed("k2-postgres", "postgres:16", ("bind", "/srv/postgres", "/var/lib/postgresql/data")),
    listed("k2-redpanda", "redpanda"),
]


class Suggest(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-suggest-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def suggest(self, ports=None, containers=None, *arguments):
        """What is suggested where these ports answer and Docker knows these containers, and the sections in it."""
        socket = self.directory / "docker.sock"
        if containers is not None:
            docker = Docker(socket, {}, containers)
            self.addCleanup(docker.close)
        done = subprocess.run([sys.executable, LIB / "loopback.py", json.dumps(ports or {}), BINARY, "doctor", "--suggest", *arguments],
                              capture_output=True, text=True, timeout=600, check=False,
                              env={**os.environ, "AGENT_CONFIG": "/dev/null", "DOCKER_HOST": f"unix://{socket}"})
        if done.returncode == 77:
            self.skipTest("no network namespace for this user")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        config = self.directory / "agent.conf"
        config.write_text(done.stdout)
        checked = run("check-config", "--config", config)
        self.assertEqual(checked.returncode, 0, done.stdout + checked.stderr)
        sections = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        sections.read_string(done.stdout)
        return done.stdout, {name: dict(sections[name]) for name in sections.sections()}

    def test_a_host_with_everything(self):
        text, found = self.suggest(ALL, PLATFORM)
        for name, value in {"probe clickhouse": {"url": "http://127.0.0.1:8123/ping"}, "probe postgres": {"url": "tcp://127.0.0.1:5432"},
                            "probe spark": {"container": "k2-spark-iceberg"}, "source": {"url": "http://127.0.0.1:8123/"},
                            "iceberg": {"warehouse": "/home/k2/docker/iceberg/warehouse"},
                            "metrics": {"url": "http://127.0.0.1:8000/metrics"},
                            "probe prometheus": {"url": "http://127.0.0.1:9090/-/ready"},
                            "probe grafana": {"url": "http://127.0.0.1:3000/api/health"}}.items():
            self.assertEqual(found.get(name), value, f"{name}\n{text}")
        self.assertIn("#   [Service]\n#   ProtectHome=tmpfs\n#   BindReadOnlyPaths=\"/home/k2/docker/iceberg/warehouse\"\n"
                      "#   SupplementaryGroups=docker\n", text)
        self.assertNotIn("redpanda", text)

    def test_containers_alone(self):
        _, found = self.suggest({}, PLATFORM)
        self.assertEqual(found, {"probe clickhouse": {"container": "k2-clickhouse"}, "probe postgres": {"container": "k2-postgres"},
                                 "probe spark": {"container": "k2-spark-iceberg"},
                                 "iceberg": {"warehouse": "/home/k2/docker/iceberg/warehouse"}})

    def test_what_answers_otherwise_is_not_taken_for_it(self):
        _, found = self.suggest({"8123": "HTTP/1.1 500 No\r\n\r\n", "8000": OK + "<html>", "3000": "SSH-2.0\r\n"}, [])
        self.assertEqual(found, {})

    def test_a_host_with_nothing(self):
        text, found = self.suggest({}, [])
        self.assertEqual(found, {})
        self.assertIn("# Nothing was found.", text)
        text, found = self.suggest()
        self.assertEqual(found, {})

    def test_what_is_configured_is_not_suggested(self):
        _, found = self.suggest(ALL, PLATFORM, "--set", "source.url=http://127.0.0.1:1/", "--set", "iceberg.warehouse=/w",
                                "--set", "metrics.url=http://127.0.0.1:1/", "--set", "probe clickhouse.url=tcp://127.0.0.1:1",
                                "--set", "probe spark.container=x")
        self.assertEqual(set(found), {"probe postgres", "probe prometheus", "probe grafana"})

    def test_names_that_strangers_wrote_cannot_add_a_line(self):
        evil = "/srv/x\n[webhook evil]\nurl = http://evil/\n[log]\npath = /warehouse"
        text, found = self.suggest({}, [listed("clickhouse\n[webhook a]\nurl = http://evil/", "x"), listed("b", "spark", ("bind", evil, "/w")),
                                        listed("c", "spark", ("bind", "/srv/a;b/warehouse", "/w")),
                                        {"Names": 3}, {"Names": ["/d"]}])
        self.assertEqual(found, {"probe spark": {"container": "b"}}, text)

    def test_docker_that_answers_nonsense(self):
        for containers in (b"{", b"[[[", b'{"message": "no"}', b"\0", 500):
            with self.subTest(containers=containers):
                (self.directory / "docker.sock").unlink(missing_ok=True)
                docker = Docker(self.directory / "docker.sock", {}, containers)
                text, found = self.suggest()
                docker.close()
                self.assertEqual(found, {}, text)


if __name__ == "__main__":
    unittest.main()
