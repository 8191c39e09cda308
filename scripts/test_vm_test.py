"""Tests of what scripts/vm_test.py makes of package sources, files and logs; no guest runs and nothing is fetched.

    python3 -m unittest discover -s scripts
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vm_test
import vm_tools

TARGETS = """http://mirror.example/debian/ main bookworm bookworm
http://mirror.example/debian/ main bookworm-updates bookworm-updates
http://mirror.example/security/ main bookworm-security bookworm-security
http://tools.example/apt/ main nodistro nodistro
"""


def job(**values):
    given = {"name": "j", "devices": [], "address": "0000:01:00.0", "programs": [], "commands": ["true"], "markers": []}
    return vm_test.Job(**given | values)


def unpacked(archive):
    """Mode, bytes and device of each entry of a cpio archive, by path."""
    entries, at = {}, 0
    while at < len(archive):
        assert archive[at : at + 6] == b"070701", at
        fields = [int(archive[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, device, name_size = fields[1], fields[6], tuple(fields[9:11]), fields[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        start = at + (110 + name_size + 3) // 4 * 4
        entries[name] = (mode, archive[start : start + size], device)
        at = (start + size + 3) // 4 * 4
    return entries


class Sources(unittest.TestCase):
    def test_the_mirror_is_that_of_the_machines_own_release(self):
        text = vm_tools.sources(TARGETS, "bookworm", "/keys.gpg")
        self.assertEqual(
            text.splitlines(),
            [
                "deb [signed-by=/keys.gpg] http://mirror.example/debian/ trixie main",
                "deb [signed-by=/keys.gpg] http://mirror.example/debian/ trixie-backports main",
            ],
        )
        by_name = "http://mirror.example/debian/ main stable bookworm"
        self.assertEqual(vm_tools.sources(by_name, "bookworm", "/keys.gpg"), text)

    def test_sources_of_another_system_are_told(self):
        for release in ("noble", ""):
            with self.assertRaisesRegex(vm_tools.Missing, "no suite"):
                vm_tools.sources(TARGETS, release, "/keys.gpg")

    def test_proxies_are_kept_and_hooks_are_not(self):
        dump = """APT::Update::Post-Invoke:: "rm -f /x";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::IndexTargets::deb::DEP-11::MetaKey "x";
"""
        self.assertEqual(vm_tools.reach(dump), ['Acquire::http::Proxy "http://proxy.example:3128";'])

    def test_the_kernel_is_the_one_that_is_depended_on(self):
        text = "linux-image-cloud-amd64\n  Depends: linux-image-6.12.1+deb13-cloud-amd64\n"
        self.assertEqual(vm_tools.dependency(text), "linux-image-6.12.1+deb13-cloud-amd64")
        for wrong in ("", text + text):
            with self.assertRaises(vm_tools.Missing):
                vm_tools.dependency(wrong)

    def test_no_mirror_and_no_proxy_is_named(self):
        with tempfile.TemporaryDirectory() as directory, patch.object(vm_tools, "APT", Path(directory)):
            (Path(directory) / "sources.list").write_text("deb http://mirror.example/debian/ trixie main\n")
            (Path(directory) / "apt.conf").write_text('Acquire::http::Proxy "http://proxy.example:3128";\n')
            said = "Err http://other.example/x\nCould not resolve 'mirror.example', proxy.example:3128 refused"
            self.assertNotIn("example", vm_tools.unnamed(said))

    def test_a_command_that_fails_is_told_with_its_last_words(self):
        with self.assertRaisesRegex(vm_tools.Missing, "(?s)^sh -c .* failed:.*last words"):
            vm_tools.run(["sh", "-c", "echo last words >&2; exit 3"], directory=Path("."))


class Guest(unittest.TestCase):
    def test_the_archive_has_files_their_folders_and_a_console(self):
        files = {"init": (0o755, b"#!"), "a/b/c": (0o644, b"12345"), "a/d": (0o600, b"")}
        entries = unpacked(vm_test.archive(files))
        self.assertEqual(list(entries), ["init", "a", "a/b", "a/b/c", "a/d", "dev", "dev/console", "TRAILER!!!"])
        self.assertEqual(entries["init"], (0o100755, b"#!", (0, 0)))
        self.assertEqual(entries["a/b/c"], (0o100644, b"12345", (0, 0)))
        self.assertEqual(entries["a/b"][0], 0o040755)
        self.assertEqual(entries["dev/console"], (0o020600, b"", (5, 1)))

    def test_the_first_program_binds_before_it_runs_and_says_how_it_ended(self):
        text = vm_test.init(job(address="0000:00:05.0"))
        steps = ["insmod", "/0000:00:05.0/driver_override", "echo 0000:00:05.0 > /sys/bus/pci/drivers_probe"]
        steps += ["sh -e /job", f'echo "{vm_test.DONE} $?"', "poweroff -f"]
        places = [text.index(step) for step in steps]
        self.assertEqual(places, sorted(places))
        subprocess.run(["sh", "-n", "-c", text], check=True)

    def test_the_socket_stands_where_the_job_wants_it(self):
        self.assertEqual(vm_test.filled(["a", '{"path":"{socket}"}'], Path("/t/s")), ["a", '{"path":"/t/s"}'])


class Judge(unittest.TestCase):
    def test_every_marker_must_be_said(self):
        said = "x: all well\r\nvm-test: exit code 0\r\n"
        self.assertEqual(vm_test.lacks(said, ["all well$", f"{vm_test.DONE} 0$"]), [])
        self.assertEqual(vm_test.lacks(said, ["^well", f"{vm_test.DONE} 1$"]), ["nothing says: ^well", "nothing says: vm-test: exit code 1$"])
        self.assertEqual(len(vm_test.lacks("", ["a", "b"])), 2)

    def test_what_is_said_is_kept_and_what_does_not_end_is_ended(self):
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory) / "log"
            self.assertTrue(vm_test.follow(["sh", "-c", "echo said; exit 1"], log, None, job(), 60))
            self.assertEqual(log.read_text(), "said\n")
            self.assertFalse(vm_test.follow(["sleep", "600"], log, None, job(), 0.1))
            # Over is not too late.
            self.assertTrue(vm_test.follow(["sh", "-c", "echo over; exec sleep 600"], log, None, job(over_at="^over"), 60))

    def test_the_server_listens_before_and_is_killed_at_its_marker(self):
        with tempfile.TemporaryDirectory() as directory:
            program, socket, log = (Path(directory) / name for name in ("server", "socket", "log"))
            program.write_text('#!/bin/sh\n: > "$2"\nexec sleep 600\n')
            program.chmod(0o755)
            served = job(server=["it", "--socket", "{socket}"])
            with patch.dict(vm_test.SERVERS, {"it": []}), patch.object(vm_test, "cargo", return_value=program):
                server = vm_test.serve(served, socket)
            self.assertTrue(socket.exists())
            vm_test.follow(["echo", "half way"], log, server, job(kill_server_at="not said"), 60)
            self.assertIsNone(server.poll())
            vm_test.follow(["echo", "half way"], log, server, job(kill_server_at="half"), 60)
            self.assertEqual(server.wait(60), -9)

    def test_a_server_that_does_not_listen_is_told(self):
        with patch.dict(vm_test.SERVERS, {"it": []}), patch.object(vm_test, "cargo", return_value=Path("/bin/false")):
            with self.assertRaisesRegex(vm_tools.Missing, "j: the server it does not listen, exit code 1"):
                vm_test.serve(job(server=["it"]), Path("/nowhere/socket"))


class Jobs(unittest.TestCase):
    def test_every_job_is_well_formed_and_wants_something_said(self):
        names = [found.name for found in vm_test.JOBS]
        self.assertEqual(len(names), len(set(names)))
        for found in vm_test.JOBS:
            self.assertTrue(found.markers and found.commands, found.name)
            self.assertLessEqual(set(found.programs), set(vm_test.GUEST_PROGRAMS), found.name)
            self.assertLessEqual(set(found.server[:1]), set(vm_test.SERVERS), found.name)
            for marker in [*found.markers, found.kill_server_at]:
                re.compile(marker)


if __name__ == "__main__":
    unittest.main()
