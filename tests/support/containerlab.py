"""A stand-in for the program `containerlab`, which these tests do without: no Docker, no images of switches.

It takes `deploy`, `inspect` and `destroy` as mrcnet gives them, holds the file against containerlab's JSON
Schema, and makes plain namespaces with the names and links that containerlab would. It runs what hosts and
FRR switches `exec`, found by their `binds`. A switch's tables are those that mrcnet's readers find in the
rendered configuration (`mrcnet lint`), put into the namespace's kernel: so the files themselves forward. A
process stands in for the switches' programs: it puts them there again when a link comes back.

What it is not: containerlab, FRR 10, SONiC or EOS. It says nothing of whether these would take the files.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from zlib import crc32

import yaml

from mrcnet.kernel import netns
from tests.support.schemas import SCHEMAS

SCHEMA = SCHEMAS / "clab.schema.json"
KEEPER = "keeper.pid"
FRR = Path("/run/standin-frr")
_RTMGRP_LINK = 1
_SETTING = "net.ipv6.conf"
_OWN_PROGRAM = {  # what SONiC and EOS see to by themselves
    f"{_SETTING}.{scope}.{name}": value
    for scope in ("all", "default")
    for name, value in (("forwarding", 1), ("seg6_enabled", 1), ("accept_dad", 0), ("keep_addr_on_down", 1))
}

Node = Mapping[str, Any]


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that its own commands end with it
    verb, *words = sys.argv[1:]
    options = dict(zip(words[::2], words[1::2], strict=False))
    if verb == "inspect":
        print(json.dumps(_inspect(options["--name"])))
        return 0
    file = Path(options["-t"])
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    if verb == "destroy":
        return _destroy(file, document)
    if SCHEMA.exists():
        import jsonschema  # here, as all that only `deploy` wants: the other verbs are over in a moment

        jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    return _deploy(file, document)


def space(lab: str, node: str) -> str:
    return f"clab-{lab}-{node}"


def _inspect(lab: str) -> dict[str, list[dict[str, str]]]:
    start = space(lab, "")
    names = sorted(path.name for path in netns.DIRECTORY.glob(f"{start}*"))
    rows = [{"lab_name": lab, "name": name, "state": "running"} for name in names]
    return {lab: rows} if rows else {}


def _destroy(file: Path, document: Node) -> int:
    lab = document["name"]
    folder = file.parent / f"clab-{lab}"
    with suppress(OSError, ValueError):
        os.kill(int((folder / KEEPER).read_text()), signal.SIGKILL)
    _end_frr(lab)
    for node in document["topology"]["nodes"]:
        if (netns.DIRECTORY / space(lab, node)).exists():
            subprocess.run(["ip", "netns", "del", space(lab, node)], check=True)
    for _, port in socket.if_nameindex():
        if port.startswith(f"{_unplugged(lab)}a"):
            subprocess.run(["ip", "link", "del", port], check=True)
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _deploy(file: Path, document: Node) -> int:
    lab, topology = document["name"], document["topology"]
    if _inspect(lab):
        print(f"containers of lab {lab} exist", file=sys.stderr)
        return 1
    from tests.support.switchtables import tables as tables_of

    folder = file.parent / f"clab-{lab}"
    folder.mkdir()
    real = [name for name in topology["nodes"] if _real(file, name)]
    tables = {name: lines for name, lines in tables_of(file).items() if name not in real}
    nodes = {name: {**topology["groups"][node["group"]], **node} for name, node in topology["nodes"].items()}
    for name, node in nodes.items():
        subprocess.run(["ip", "netns", "add", space(lab, name)], check=True)
        _settle(netns.DIRECTORY / space(lab, name), node)
    _batch([], list(_wires(lab, topology["links"])))
    for name, node in nodes.items():
        _execute(file, space(lab, name), node)
    for name in real:
        _begin_frr(file, lab, name)
    for name, lines in tables.items():
        _batch(["-n", space(lab, name), "-6"], lines)
    _keep({space(lab, name): lines for name, lines in tables.items()}, folder / KEEPER)
    return 0


def _settle(path: Path, node: Node) -> None:
    """What a container begins with; a switch has the device for its SIDs, as there may be no `dummy` here."""
    is_host = node["group"] == "host"
    own = {} if is_host or node["kind"] == "linux" else _OWN_PROGRAM
    with netns.inside(path):
        for name, value in {**own, **node.get("sysctls", {})}.items():
            Path("/proc/sys", *name.split(".")).write_text(str(value))
    _batch(["-n", path.name], ["link set lo up"])
    if not is_host:
        _batch(["-n", path.name], ["link add sr0 type bridge", "link set sr0 up"])


def _wires(lab: str, links: list[Node]) -> Iterator[str]:
    """As containerlab lays them: a pair in the machine's own namespace, each end moved and named."""
    for number, link in enumerate(links):
        a, b = (f"{_unplugged(lab)}{side}{number}" for side in "ab")
        yield f"link add {a} mtu {link['mtu']} type veth peer name {b} mtu {link['mtu']}"
        for temporary, end in zip((a, b), link["endpoints"], strict=True):
            node, port = end.split(":")
            yield f"link set {temporary} netns {space(lab, node)} name {port} up"


def _unplugged(lab: str) -> str:
    """How the ends of links are called that are in no container yet."""
    return f"w{crc32(lab.encode()):08x}"


def _execute(file: Path, name: str, node: Node) -> None:
    """Run what a node is to `exec`, by the files that are bound into it. SONiC's wants SONiC's programs."""
    if node["kind"] == "sonic-vs":
        return
    binds = dict(reversed(bind.split(":")[:2]) for bind in node.get("binds", ()))
    for command in node.get("exec", ()):
        shell, script = shlex.split(command)
        for there, here in binds.items():
            if PurePosixPath(script).is_relative_to(there):
                found = file.parent / here / PurePosixPath(script).relative_to(there)
        subprocess.run(["ip", "netns", "exec", name, shell, str(found)], check=True, stdout=sys.stderr)


def _real(file: Path, name: str) -> bool:
    """Whether Debian's FRR 8.4 knows all of a node's configuration, and so runs it: BGP, static routes."""
    config = file.parent / "nodes" / name / "frr.conf"
    return config.exists() and "segment-routing" not in config.read_text(encoding="utf-8")


def _begin_frr(file: Path, lab: str, name: str) -> None:
    """FRR runs as a user of its own, and has its files where that can read them."""
    folder = FRR / lab / name
    folder.mkdir(parents=True)
    shutil.chown(folder, "frr", "frr")
    text = (file.parent / "nodes" / name / "frr.conf").read_text(encoding="utf-8")
    (folder / "none.conf").touch()
    (folder / "frr.conf").write_text(text.replace("/var/log/frr", str(folder)), encoding="utf-8")
    for program in ("zebra", "bfdd", "bgpd") if "router bgp" in text else ("zebra", "staticd"):
        line = ["ip", "netns", "exec", space(lab, name), f"/usr/lib/frr/{program}", "--daemon"]
        line += ["--config_file", f"{folder}/none.conf", "--pid_file", f"{folder}/{program}.pid"]
        line += ["--socket", f"{folder}/zserv.api", "--vty_socket", str(folder), "--vty_port", "0"]
        line += ["--bfdctl", f"{folder}/bfdd.sock"] if program == "bfdd" else []
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    line = ["ip", "netns", "exec", space(lab, name), "vtysh", "--vty_socket", str(folder)]
    subprocess.run([*line, "-f", f"{folder}/frr.conf"], check=True, stdout=sys.stderr)


def _end_frr(lab: str) -> None:
    for pid in (FRR / lab).glob("*/*.pid"):
        with suppress(OSError, ValueError):
            os.kill(int(pid.read_text()), signal.SIGKILL)
    shutil.rmtree(FRR / lab, ignore_errors=True)


def _batch(words: list[str], lines: list[str], *, force: bool = False) -> None:
    line = ["ip", *words, *(["-force"] if force else []), "-batch", "-"]
    done = subprocess.run(line, input="\n".join(lines), text=True, capture_output=True, check=False)
    if done.returncode and not force:
        sys.exit(f"{' '.join(line)}: {done.stderr}")


def _keep(tables: Mapping[str, list[str]], pid_file: Path) -> None:
    """A process that fills a switch's tables again when one of its links changes, as its program would."""
    if os.fork():
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    pid_file.write_text(str(os.getpid()))  # by itself: it outlives a parent that is killed here
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.closerange(3, 1 << 12)
    spaces = {}
    for name in tables:
        with netns.inside(netns.DIRECTORY / name):
            rtnl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        rtnl.bind((0, _RTMGRP_LINK))
        spaces[rtnl] = name
    while True:
        for rtnl in select.select(spaces, [], [])[0]:
            rtnl.recv(1 << 16)
            _batch(["-n", spaces[rtnl], "-6"], tables[spaces[rtnl]], force=True)


if __name__ == "__main__":
    sys.exit(main())
