"""Imports go one way. The arrows are declared here; a new room declares its own."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mrcnet"

# Room -> the rooms that it may import. The package's own `__init__` (its version) is free to all.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "units": set(),
    "compiled": set(),
    "extensions": {"errors"},
    "mrc": {"compiled"},
    "rocev2": {"compiled", "mrc"},
    "contrib": set(),
    "topology": {"errors", "units"},
    "plan": {"errors", "units", "topology"},
    "workload": {"extensions", "errors", "units", "topology", "plan", "mrc", "rocev2"},
    "port": {"errors", "topology", "plan", "mrc"},
    "render": {"errors", "units", "topology", "plan"},
    "foreign": {"errors", "units", "topology", "plan", "render"},
    "kernel": {"errors", "units", "topology", "plan", "port", "render"},
    "nic": {"errors", "units", "topology", "plan", "port", "workload", "kernel", "mrc", "rocev2"},
    "sim": {"errors", "units", "topology", "plan", "workload", "mrc", "port"},
    "verify": {"errors", "units", "topology", "plan", "kernel", "nic", "mrc"},
    "prober": {"errors", "units", "topology", "plan", "mrc", "kernel", "nic", "verify"},
    "drill": {
        "extensions",
        "prober",
        "errors",
        "units",
        "topology",
        "plan",
        "workload",
        "kernel",
        "nic",
        "sim",
        "mrc",
        "port",
    },
    "report": {"errors", "units", "topology", "plan", "mrc", "workload", "drill"},
}
ARROWS["watch"] = {"errors", "units", "topology", "plan", "workload", "port", "kernel", "nic"}
ARROWS["api"] = set(ARROWS) - {"contrib"}
ARROWS["cli"] = set(ARROWS) - {"contrib"}

PURE = ("topology", "plan", "mrc", "rocev2", "foreign")
IMPURE_MODULES = {
    *("asyncio", "datetime", "fcntl", "logging", "multiprocessing", "os", "random", "secrets", "select"),
    *("shutil", "signal", "socket", "ssl", "subprocess", "tempfile", "threading", "time", "uuid"),
}
TEXT_OF_ADDRESSES = {"AF_INET6", "inet_ntop", "inet_pton"}  # of `socket`: these do no I/O
MRC_MAY_USE = {"numpy", "isal"}

FILES = sorted(set(PACKAGE.rglob("*.py")) - {PACKAGE / "__init__.py"})


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Module and name of every import, wherever in the file it stands; the name is empty for `import x`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.module or "", alias.name) for alias in node.names)


def wrong_arrows(room: str, tree: ast.AST) -> list[str]:
    """The imports that a file of `room` may not make, in words."""
    wrong = []
    for module, name in imports_of(tree):
        top, _, rest = module.partition(".")
        if top == "mrcnet":
            target = rest.partition(".")[0] or name
            inside = target == room or target in ARROWS[room] or target == "__version__"
            wrong += [] if inside else [f"{room} -> {target}"]
        elif top == "pyroute2" and room != "kernel":
            wrong.append(f"{room} -> pyroute2")
        elif top == "scapy":
            wrong += [] if room == "contrib" else [f"{room} -> scapy"]
        elif room in ("mrc", "rocev2") and top not in sys.stdlib_module_names | MRC_MAY_USE:
            wrong.append(f"mrc -> {top}")
        if room in PURE and top in IMPURE_MODULES and not (top == "socket" and name in TEXT_OF_ADDRESSES):
            wrong.append(f"{room} -> {module} {name}".rstrip())
    return wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(path: Path) -> None:
    """No file imports a room above its own, pyroute2 outside kernel/, or I/O or a clock in a pure room."""
    assert [] == wrong_arrows(room_of(path), ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("room", "line", "wrong"),
    [
        ("plan", "from mrcnet.kernel.netns import inside", ["plan -> kernel"]),
        ("mrc", "from mrcnet.plan.model import Plan", ["mrc -> plan"]),
        ("mrc", "def f():\n    import scapy", ["mrc -> scapy"]),
        ("mrc", "from time import monotonic_ns", ["mrc -> time monotonic_ns"]),
        ("nic", "import pyroute2", ["nic -> pyroute2"]),
        ("topology", "from socket import socket", ["topology -> socket socket"]),
        ("verify", "from scapy.layers.inet import UDP", ["verify -> scapy"]),
        ("cli", "from mrcnet.contrib.scapy import Meth", ["cli -> contrib"]),
        ("contrib", "from scapy.packet import Packet", []),
        ("plan", "from socket import inet_pton", []),
        ("kernel", "from pyroute2 import IPRoute\nfrom mrcnet.plan.model import Plan", []),
        ("cli", "from mrcnet import __version__", []),
    ],
)
def test_a_wrong_arrow_is_seen(room: str, line: str, wrong: list[str]) -> None:
    """The reader of imports finds what it is meant to find, and nothing else."""
    assert wrong == wrong_arrows(room, ast.parse(line))


def test_every_room_declares_its_arrows() -> None:
    """A new room cannot come in without saying what it may import."""
    assert set() == {room_of(path) for path in FILES} - set(ARROWS)


def test_arrows_make_no_circle() -> None:
    """Following the arrows never comes back to the same room."""
    below: set[str] = set()
    while rooms := {room for room in set(ARROWS) - below if ARROWS[room] - {room} <= below}:
        below |= rooms
    assert set(ARROWS) == below


def test_transport_makes_no_chance_of_its_own() -> None:
    """Randomness is an argument of the transport: it never makes a generator itself."""
    made = [
        f"{path.name}:{node.lineno}"
        for path in FILES
        if room_of(path) in ("mrc", "rocev2")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("default_rng", "RandomState", ".seed"))
    ]
    assert [] == made
