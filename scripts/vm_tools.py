"""QEMU, a guest's kernel and its shell from Debian's packages, unpacked into build/vm; nothing is installed on the machine.

apt resolves and fetches them with a state of its own, in which nothing is installed yet: so QEMU comes with every library
that it needs, and runs through the dynamic loader among them whatever the machine's own release is.
"""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

BUILD = Path(__file__).resolve().parent.parent / "build" / "vm"
ROOT = BUILD / "root"
APT = BUILD / "apt"
# The first release whose backports have a QEMU with vfio-user-pci.
SUITE = "trixie"
QEMU_MAJOR = 11
QEMU = ["qemu-system-x86"]
# Depends on the kernel of the day, which is what is fetched.
KERNEL = "linux-image-cloud-amd64"
SHELL = "busybox-static"
KEYRINGS = [
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
]
NEEDS = f"It takes a Debian whose package mirror can be reached and has {SUITE} and {SUITE}-backports."
WITHOUT = "The other tests do not need it."
# Seconds of one call of apt, which fetches some 90 MB at most.
TIMEOUT = 900


class Missing(Exception):
    """What cannot be had, and what helps."""


@dataclass
class Machine:
    """What a guest is made of: the command line of QEMU up to its arguments, a kernel, its modules, a shell."""

    qemu: list
    kernel: Path
    modules: Path
    busybox: Path


def machine(say):
    """The guest's parts, fetched unless they are there; `say` takes a line on what goes on. Raises Missing."""
    wanted = " ".join([SUITE, *QEMU, KERNEL, SHELL])
    stamp = BUILD / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(BUILD, ignore_errors=True)
        fetch(say)
        stamp.write_text(wanted)
    loader = one(ROOT, "usr/lib64/ld-linux-x86-64.so.2")
    qemu = [loader, "--library-path", ROOT / "usr/lib/x86_64-linux-gnu", one(ROOT, "usr/bin/qemu-system-x86_64")]
    qemu += ["-L", ROOT / "usr/share/qemu", "-L", ROOT / "usr/share/seabios"]
    check(qemu)
    kernel = one(ROOT, "boot/vmlinuz-*")
    return Machine(qemu, kernel, one(ROOT, "usr/lib/modules/*"), one(ROOT, "usr/bin/busybox"))


def fetch(say):
    if platform.machine() != "x86_64":
        raise Missing(f"the guest's parts are programs of x86_64, this machine is {platform.machine()}. {WITHOUT}")
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Missing(f"there is no apt-get or no dpkg-deb here: the guest's parts are packages of Debian. {WITHOUT}")
    say(f"asking the machine's package sources for {SUITE} and {SUITE}-backports")
    configure()
    apt("update")
    say("fetching QEMU and its libraries")
    apt("install", "--yes", "--no-install-recommends", "--download-only", f"--target-release={SUITE}-backports", *QEMU)
    say("fetching the guest's kernel and shell")
    kernel = dependency(apt("depends", "--important", KERNEL, program="apt-cache"))
    archives = APT / "cache" / "archives"
    apt("download", kernel, SHELL, directory=archives)
    packages = sorted(archives.glob("*.deb"))
    size = sum(package.stat().st_size for package in packages) / 1e6
    say(f"unpacking {len(packages)} packages, {size:.0f} MB")
    # As Debian has it since these releases; packages that still name the short paths then agree with the others.
    for name in ("bin", "lib", "lib64", "sbin"):
        (ROOT / "usr" / name).mkdir(parents=True, exist_ok=True)
        (ROOT / name).symlink_to(Path("usr") / name)
    for package in packages:
        run(["dpkg-deb", "--extract", package, ROOT])
    shutil.rmtree(APT)


def configure():
    """A folder of apt's own: an empty state, the machine's mirrors at the suites wanted, and how the machine reaches them."""
    for name in ("state/lists/partial", "cache/archives/partial", "preferences.d"):
        (APT / name).mkdir(parents=True)
    (APT / "status").touch()
    fields = "$(REPO_URI) $(COMPONENT) $(RELEASE) $(CODENAME)"
    targets = run(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"])
    (APT / "sources.list").write_text(sources(targets, release_of_the_machine(), keyring()))
    settings = {
        "Dir::State": APT / "state",
        "Dir::State::status": APT / "status",
        "Dir::Cache": APT / "cache",
        "Dir::Etc::sourcelist": APT / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": APT / "preferences.d",
        # Its hooks are for the machine's own packages.
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::main": "/dev/null",
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
        "APT::Sandbox::User": "",
        # Else what cannot be reached is a warning, and old lists or none are gone on with.
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Acquire::http::Timeout": "30",
        "Acquire::https::Timeout": "30",
    }
    lines = [f'{name} "{value}";' for name, value in settings.items()]
    (APT / "apt.conf").write_text("\n".join(reach(run(["apt-config", "dump"])) + lines) + "\n")


def sources(targets, release, keyring):
    """apt's list for the wanted suites, from the mirror of the machine's own `release`: `targets` are lines of address, component, suite, name."""
    rows = [line.split() for line in targets.splitlines()]
    mirrors = [address for address, component, *names in rows if component == "main" and release in names]
    if not mirrors:
        raise Missing(
            f"the machine's package sources have no suite '{release}', its own release, with component main: no mirror is"
            f" known to take {SUITE} from. {NEEDS} {WITHOUT}"
        )
    suites = (SUITE, f"{SUITE}-backports")
    return "".join(f"deb [signed-by={keyring}] {mirrors[0]} {suite} main\n" for suite in suites)


def release_of_the_machine():
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return found[1] if found else ""


def keyring():
    for path in KEYRINGS:
        if path.exists():
            return path
    raise Missing(f"the keys of Debian's packages are not here; install debian-archive-keyring. {WITHOUT}")


def reach(dump):
    """The machine's settings of how its mirrors are reached, proxies above all."""
    return [line for line in dump.splitlines() if re.match(r"Acquire::(http|https|ftp)\b.*\"[^\"]+\"", line)]


def dependency(text):
    """The one kernel on which the package that names the newest depends."""
    found = re.findall(r"Depends: (linux-image-\d\S+)", text)
    if len(found) != 1:
        raise Missing(f"{KERNEL} depends on no single kernel: {text.split()}")
    return found[0]


def check(qemu):
    version = run([*qemu, "--version"])
    found = re.search(r"version (\d+)\.", version)
    if not found or int(found[1]) < QEMU_MAJOR:
        raise Missing(f"QEMU {QEMU_MAJOR} or later is needed, {SUITE}-backports has: {version.splitlines()[0]}. {WITHOUT}")


def one(directory, pattern):
    found = sorted(directory.glob(pattern))
    if len(found) != 1:
        raise Missing(f"{BUILD.name}/{directory.name} has {len(found)} of {pattern}; `make clean`, then run this again")
    return found[0]


def apt(*arguments, program="apt-get", directory=BUILD):
    return run([program, "--quiet", *arguments], {"APT_CONFIG": str(APT / "apt.conf")}, directory)


def run(command, environment=None, directory=BUILD):
    """What it prints. Raises Missing with the last lines of what it said, mirrors not named."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [str(part) for part in command]
    plain = {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            env=os.environ | plain | (environment or {}),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{command[0]} {command[1]} took more than {TIMEOUT} s. {WITHOUT}") from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise Missing(f"{' '.join(command[:3])} failed:\n{unnamed(said)}\n{NEEDS} {WITHOUT}")
    return done.stdout


def unnamed(text):
    """Without the mirrors' names: they are the machine's own business."""
    files = [path.read_text() for path in (APT / "sources.list", APT / "apt.conf") if path.exists()]
    hosts = {urlparse(address).hostname for address in re.findall(r"\w+://[^\s\"]+", " ".join([text, *files]))}
    for host in sorted(filter(None, hosts), key=len, reverse=True):
        text = text.replace(host, "(mirror)")
    return text
