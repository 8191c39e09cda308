#!/usr/bin/env python3
"""Runs jobs in a guest of QEMU with an IOMMU: the host's programs against PCI functions, through the guest kernel's own VFIO.

    scripts/vm_test.py [JOB ...]

A job is an entry of JOBS. Its programs are built without shared libraries, put into an initial file system with the shell and the
modules of VFIO, and run as root beside the function, which is bound to vfio-pci before. What the guest says goes to
build/vm/JOB.log; every marker of the job must be in it. QEMU, kernel and shell come from Debian's packages (vm_tools.py).
VM_ACCEL (default: tcg, which emulates) is QEMU's accelerator. Exit 1: a job failed, or something that it takes cannot be had.
"""

import hashlib
import json
import lzma
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import vm_tools
from vm_tools import BUILD, Missing

ROOT = Path(__file__).resolve().parent.parent
# In the order in which they need each other.
MODULES = ["irqbypass", "vfio", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"]
TARGET = "x86_64-unknown-linux-gnu"
# Programs by the arguments that cargo builds them by.
GUEST_PROGRAMS = {name: ["-p", "device", "--example", name] for name in ("edu", "igb")}
GUEST_PROGRAMS["backstop"] = ["-p", "backstop", "--no-default-features"]
# With the simulator as the tests build it.
SERVERS = {"backstop": ["--profile", "test", "-p", "backstop"]}
# Without no_timer_check a kernel that is emulated on a busy machine may take its clock for broken and panic.
COMMAND_LINE = "console=ttyS0 no_timer_check quiet loglevel=3 intel_iommu=on panic=-1"
MEGABYTES = 512
# Seconds until a server listens, and of one guest; none takes a tenth of it on an idle machine.
SERVER_TIMEOUT = 60
TIMEOUT = 900
DONE = "vm-test: exit code"
# QEMU 11 asserts where its server ends while a request is on its way.
QEMU_DIED = r"qemu-system-x86_64: util/error\.c:.*Assertion"
TRIES = 6


@dataclass
class Job:
    name: str
    # Arguments of QEMU that add the function; {socket} is where the server listens.
    devices: list
    # Where the guest finds it.
    address: str
    # Of GUEST_PROGRAMS; each is /bin/NAME in the guest.
    programs: list
    # Run by the guest's shell, which ends at the first that fails.
    commands: list
    # Regular expressions, each of which must match a line of what the guest says.
    markers: list
    # After COMMAND_LINE, over which it goes.
    kernel: str = ""
    # Files of this machine that the guest has too, by their path there.
    files: dict = field(default_factory=dict)
    # Arguments of the first program: it runs on this machine before the guest does, byte for byte the same program, and the guest must say its
    # sha256 and every state hash that it said; {socket} as above.
    same: list = field(default_factory=list)
    # The guest is ended when a line matches, and gives no exit code: QEMU dies as soon as it lets go of memory that was mapped for a server
    # that is gone.
    over_at: str = ""
    # Runs beside QEMU: one of SERVERS and its arguments, {socket} as above.
    server: list = field(default_factory=list)
    # The server is killed when a line matches.
    kill_server_at: str = ""


# What a server at the socket serves, as a function of the guest's root complex.
SERVED = ["-device", '{"driver":"vfio-user-pci","bus":"pcie.0","addr":"5","socket":{"type":"unix","path":"{socket}"}}']
SERVER = ["backstop", "serve-device", "--socket", "{socket}"]
VFIO = "--device vfio:00:05.0 --deadline 60000"
REPLAY = "replay --json --accounts 200"
# Alone below its port, so that the kernel can reset it.
EDU = ["-device", "pcie-root-port,id=slot4,chassis=1,addr=4", "-device", "edu,bus=slot4"]
FAULT = r"DMAR: \[DMA Write.*fault addr 0x8000000\b"
JOBS = [
    Job(
        name="edu",
        devices=EDU,
        address="0000:01:00.0",
        programs=["edu"],
        commands=["echo 4 > /proc/sys/vm/nr_hugepages", "edu 01:00.0", "dmesg | grep 'DMAR: .*fault addr'"],
        markers=[
            r"edu: opened .*, 1048576 bytes of registers mapped$",
            r"edu: identification 0x\w+00ed$",
            r"edu: no DMA before bus-master enable$",
            r"edu: DMA of 4096 bytes to the device and back, data equal$",
            r"edu: DMA to the end of 2097152 bytes, in 1 huge pages$",
            r"edu: interrupt by request$",
            r"edu: interrupt at the end of DMA$",
            r"edu: DMA is held back after unmap, and only then$",
            r"edu: works after reset$",
            r"edu: all as it must be$",
            FAULT,
        ],
    ),
    Job(
        name="igb",
        devices=["-device", "pcie-root-port,id=slot4,chassis=1,addr=4", "-device", "igb,bus=slot4,romfile="],
        address="0000:01:00.0",
        programs=["igb"],
        commands=["cat /sys/bus/pci/devices/0000:01:00.0/reset_method", "igb 01:00.0"],
        markers=[r"^flr pm bus$", r"igb: interrupt by MSI-X$", r"igb: reset$", r"igb: all as it must be$"],
    ),
    # What docs/bring-up.md says of a server that is not set up, by the kernel's own doing; its remedies are carried out.
    Job(
        name="setup",
        devices=[
            *EDU,
            *("-device", "pcie-root-port,id=slot5,chassis=2,addr=5"),
            *("-device", "edu,bus=slot5,addr=0.0,multifunction=on", "-device", "pci-serial,bus=slot5,addr=0.1"),
            *("-device", "edu,bus=pcie.0,addr=6"),
        ],
        address="0000:01:00.0",
        programs=["edu"],
        commands=[
            "remedy() { cat /tmp/said; grep -o '`echo [^`]*`' /tmp/said | tr -d '`' > /tmp/remedy; sh -ex /tmp/remedy; }",
            "! edu 09:00.0",
            # A shared slot, and one that cannot be reset.
            "! edu 02:00.0 > /tmp/said; remedy",
            "! edu 02:00.0 > /tmp/said; remedy",
            "! edu 02:00.0",
            "! edu 00:06.0 > /tmp/said; remedy",
            "! edu 00:06.0",
            # A user without rights and without memory to lock, then with both.
            "mkdir -p /etc; echo 'trader:x:1000:1000::/:/bin/sh' > /etc/passwd",
            "! su trader -c '/bin/edu 01:00.0'",
            "chown trader /dev/vfio/$(basename $(readlink /sys/bus/pci/devices/0000:01:00.0/iommu_group))",
            "! su trader -c 'ulimit -l 4; /bin/edu 01:00.0'",
            "su trader -c 'id; ulimit -l 8192; /bin/edu 01:00.0'",
            "rm /dev/vfio/vfio",
            "! edu 01:00.0",
        ],
        markers=[
            r"there is no PCI function 0000:09:00\.0 here; `lspci -D`",
            r"0000:02:00\.0 is bound to no driver, not to vfio-pci; as root",
            r"0000:02:00\.1, of the same IOMMU group \d+ as 0000:02:00\.0, is bound to serial; as root",
            r"edu: NOT as it must be: the kernel has no way to reset 0000:02:00\.0 alone",
            r"0000:00:06\.0 is bound to no driver, not to vfio-pci",
            r"edu: NOT as it must be: the kernel has no way to reset 0000:00:06\.0 alone",
            r"this user may not open /dev/vfio/\d+; give it to a group",
            r"bytes for DMA exceed what this process may lock, 4 KiB in all; raise the limit",
            r"uid=1000\(trader\)",
            r"edu: all as it must be$",
            r"there is no /dev/vfio/vfio; as root: `modprobe vfio-pci`",
        ],
    ),
    Job(
        name="iommu-off",
        devices=EDU,
        address="0000:01:00.0",
        programs=["edu"],
        kernel="intel_iommu=off",
        commands=["! edu 01:00.0"],
        markers=[r"0000:01:00\.0 is in no IOMMU group: the IOMMU is off; switch it on"],
    ),
    Job(
        name="remapping-off",
        devices=EDU,
        address="0000:01:00.0",
        programs=["edu"],
        kernel="intremap=off",
        commands=["! edu 01:00.0"],
        markers=[r"the IOMMU does not remap interrupts, so that a card could raise any; switch"],
    ),
    Job(
        name="backstop",
        devices=SERVED,
        address="0000:00:05.0",
        programs=["backstop"],
        same=[f"{REPLAY} --device cpu", f"{REPLAY} --device user:{{socket}}"],
        server=SERVER,
        commands=[
            "sha256sum /bin/backstop",
            f"backstop device info {VFIO}",
            f"backstop device selftest {VFIO} --records 1000000",
            f"backstop {REPLAY} {VFIO}",
        ],
        markers=[
            r"heartbeat +beats$",
            r"ok +interrupts: [1-9]\d* interrupts",
            r"ok +records against the model: 1,0\d\d,\d\d\d records bit for bit",
            r"selftest passed$",
            r'"disagreements": 0\b',
        ],
    ),
    # The server is killed in the middle of a run, which goes on without it and says so by its exit code.
    Job(
        name="failover",
        devices=SERVED,
        address="0000:00:05.0",
        programs=["backstop"],
        same=[f"{REPLAY} --device cpu"],
        server=SERVER,
        kill_server_at="in the middle of a run$",
        commands=[
            "sha256sum /bin/backstop",
            f"backstop {REPLAY} {VFIO} & run=$!",
            "sleep 6; echo in the middle of a run",
            "! wait $run",
        ],
        over_at=r'"state_hash": ',
        markers=[r"round \d+: device lost: ", r'"losses": 1\b', r'"first_loss": ".*all ones', r'"disagreements": 0\b'],
    ),
]


def main(names):
    unknown = set(names) - {job.name for job in JOBS}
    if unknown:
        sys.exit(f"vm-test: no such job: {', '.join(sorted(unknown))}; there are: {', '.join(j.name for j in JOBS)}")
    # So that a server does not outlive it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("vm-test: ended by a signal"))
    try:
        machine = vm_tools.machine(say)
        failed = [job.name for job in JOBS if not names or job.name in names if not passes(job, machine)]
    except Missing as missing:
        sys.exit(f"vm-test: {missing}")
    if failed:
        sys.exit(f"vm-test: FAILED: {', '.join(failed)}")


def say(text):
    print(f"vm-test: {text}", flush=True)


def passes(job, machine):
    initrd = BUILD / f"{job.name}.cpio"
    initrd.write_bytes(archive(contents(job, machine)))
    log = BUILD / f"{job.name}.log"
    say(f"{job.name}: starting the guest, {initrd.stat().st_size / 1e6:.1f} MB of programs")
    started = monotonic()
    for left in reversed(range(TRIES)):
        ended, markers, said = attempt(job, machine, initrd, log)
        if not left or not re.search(QEMU_DIED, said):
            break
        say(f"{job.name}: QEMU itself did not survive the server's end, by a fault of its own; again")
    seconds = monotonic() - started
    wrong = lacks(said, markers)
    if not ended:
        wrong.insert(0, f"the guest did not end within {TIMEOUT} s")
    for what in wrong:
        say(f"{job.name}: {what}")
    if wrong:
        print(*(f"    {line}" for line in said.splitlines()[-20:]), sep="\n")
        say(f"{job.name}: FAILED after {seconds:.0f} s; {log.relative_to(ROOT)} is what the guest said")
    else:
        say(f"{job.name}: passed in {seconds:.0f} s, {len(markers)} markers found")
    return not wrong


def attempt(job, machine, initrd, log):
    """Whether the guest ended in time, the markers wanted, and what it said."""
    with tempfile.TemporaryDirectory() as directory:
        socket = Path(directory) / "socket"
        server = serve(job, socket)
        try:
            markers = [*job.markers, *said_here(job, socket)] + ([] if job.over_at else [f"{DONE} 0$"])
            ended = follow(qemu(job, machine, initrd, socket), log, server, job, TIMEOUT)
        finally:
            end(server)
    return ended, markers, log.read_text(errors="replace")


def said_here(job, socket):
    """What the job's program says on this machine, as markers: its sha256 and the state hashes of its runs."""
    if not job.same:
        return []
    program = cargo(GUEST_PROGRAMS[job.programs[0]], static=True)
    sha256 = hashlib.sha256(program.read_bytes()).hexdigest()
    say(f"{job.name}: sha256 of {program.name}, here and in the guest: {sha256}")
    markers = [sha256]
    for arguments in job.same:
        command = [program, *filled(arguments.split(), socket)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT)
        hashes = re.findall(r'"state_hash": "\w{64}"', done.stdout)
        if done.returncode != 0 or len(hashes) != 1:
            raise Missing(f"{job.name}: {' '.join(map(str, command))} ends with {done.returncode} here and gives no state hash")
        say(f"{job.name}: {arguments}: {hashes[0]}")
        markers += hashes
    return markers


def lacks(said, markers):
    # A serial line ends in CR LF.
    lines = [line.rstrip() for line in said.splitlines()]
    return [f"nothing says: {marker}" for marker in markers if not any(re.search(marker, line) for line in lines)]


def qemu(job, machine, initrd, socket):
    accelerator = os.environ.get("VM_ACCEL", "tcg")
    command = [*machine.qemu, "-machine", "q35,kernel-irqchip=split", "-accel", accelerator, "-cpu", "max"]
    command += ["-m", MEGABYTES, "-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot"]
    # A server in another process reaches the guest's memory by its file.
    command += ["-object", f"memory-backend-memfd,id=m0,size={MEGABYTES}M,share=on", "-machine", "memory-backend=m0"]
    command += ["-kernel", machine.kernel, "-initrd", initrd, "-append", f"{COMMAND_LINE} {job.kernel}"]
    command += ["-device", "intel-iommu,intremap=on,caching-mode=on"]
    return [str(part) for part in [*command, *filled(job.devices, socket)]]


def filled(arguments, socket):
    return [argument.replace("{socket}", str(socket)) for argument in arguments]


def serve(job, socket):
    """The job's server, listening; none if it has none."""
    if not job.server:
        return None
    name, *arguments = job.server
    server = subprocess.Popen([cargo(SERVERS[name]), *filled(arguments, socket)], stdin=subprocess.DEVNULL)
    deadline = monotonic() + SERVER_TIMEOUT
    while not socket.exists():
        if server.poll() is not None or monotonic() > deadline:
            end(server)
            raise Missing(f"{job.name}: the server {name} does not listen, exit code {server.returncode}")
        sleep(0.05)
    return server


def end(server):
    if server:
        server.kill()
        server.wait()


def follow(command, log, server, job, timeout):
    """Runs a command as the job says and writes what it says to `log`; False if it had to be ended after `timeout` seconds."""
    # Bounds it also where this script is killed.
    bounded = ["timeout", "--foreground", "--kill-after=10", str(timeout), *command]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(bounded, stdin=subprocess.DEVNULL, **pipe) as running, log.open("w") as written:
        try:
            for line in running.stdout:
                written.write(line)
                written.flush()
                if server and job.kill_server_at and re.search(job.kill_server_at, line):
                    server.kill()
                if job.over_at and re.search(job.over_at, line):
                    running.terminate()
        except BaseException:
            running.terminate()
            raise
    return running.returncode not in (124, 137)


def contents(job, machine):
    """The guest's files by their path there: mode and bytes."""
    files = {
        "init": (0o755, init(job).encode()),
        "job": (0o644, "\n".join(job.commands).encode() + b"\n"),
        "bin/busybox": (0o755, machine.busybox.read_bytes()),
    }
    for name in MODULES:
        module = vm_tools.one(machine.modules, f"kernel/**/{name}.ko.xz")
        files[f"modules/{name}.ko"] = (0o644, lzma.decompress(module.read_bytes()))
    for name in job.programs:
        say(f"{job.name}: building {name} for the guest")
        files[f"bin/{name}"] = (0o755, cargo(GUEST_PROGRAMS[name], static=True).read_bytes())
    for path, source in job.files.items():
        files[path.lstrip("/")] = (0o644, Path(source).read_bytes())
    return files


def init(job):
    """The guest's first program: makes it a system, gives the function to vfio-pci, runs the job, switches off."""
    function = f"/sys/bus/pci/devices/{job.address}"
    return f"""#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
# The firmware leaves an unfinished line.
echo
for module in {" ".join(MODULES)}; do insmod /modules/$module.ko; done
echo vfio-pci > {function}/driver_override
echo {job.address} > /sys/bus/pci/drivers_probe
sh -e /job
echo "{DONE} $?"
poweroff -f
"""


def archive(files):
    """A cpio archive as the kernel unpacks it at its start ("newc"), of files by path, the folders that they are in, and a console."""
    entries = {}
    for path, (mode, data) in files.items():
        for folder in list(Path(path).parents)[-2::-1]:
            entries.setdefault(str(folder), (stat.S_IFDIR | 0o755, b"", (0, 0)))
        entries[path] = (stat.S_IFREG | mode, data, (0, 0))
    entries.setdefault("dev", (stat.S_IFDIR | 0o755, b"", (0, 0)))
    # The first program's output goes there, before any file system is mounted.
    entries["dev/console"] = (stat.S_IFCHR | 0o600, b"", (5, 1))
    entries["TRAILER!!!"] = (0, b"", (0, 0))
    whole = bytearray()
    for number, (path, (mode, data, device)) in enumerate(entries.items(), 1):
        name = path.encode() + b"\0"
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0]
        whole += b"070701" + b"".join(b"%08x" % value for value in fields) + name
        whole += bytes(-len(whole) % 4) + data
        whole += bytes(-len(whole) % 4)
    return bytes(whole)


def cargo(arguments, static=False):
    """Path of the program that cargo builds by these arguments; `static` for a guest that has no libraries."""
    command = ["cargo", "build", "--quiet", "--message-format=json-render-diagnostics", *arguments]
    environment = dict(os.environ)
    if static:
        command += ["--release", "--target", TARGET]
        environment |= {"RUSTFLAGS": "-C target-feature=+crt-static", "CARGO_PROFILE_RELEASE_STRIP": "true"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    built = [json.loads(line).get("executable") for line in done.stdout.splitlines()]
    programs = [Path(program) for program in built if program]
    if done.returncode != 0 or len(programs) != 1:
        raise Missing(f"cargo {' '.join(map(str, arguments))} builds no one program (above is what it said)")
    return programs[0]


if __name__ == "__main__":
    main(sys.argv[1:])
