"""Whose namespace is it: a second name of its `lo`, put there before the namespace can be seen.

A namespace without the mark is a stranger's, whatever it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.kernel import links, netns, privilege
from mrcnet.kernel.netlink import NetlinkSocket

LO = 1  # the kernel gives a namespace's `lo` this number
MAX_MARK = 127  # ALTIFNAMSIZ less the closing zero
_LAB = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-._]{0,63}")
_NODE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Owned:
    """A namespace that bears our mark."""

    lab: str
    node: str
    path: Path


def lab_name(text: str) -> str:
    """`text` if it may name a lab (and so files and namespaces). Raises InputError if not."""
    if not _LAB.fullmatch(text):
        raise InputError(
            f"{text!r} cannot name a lab",
            remedy="use up to 64 ASCII letters, digits, '-', '.', '_', a letter or digit first",
        )
    return text


def is_node(text: str) -> bool:
    """Whether a node may be called that."""
    return _NODE.fullmatch(text) is not None


def mark(lab: str, node: str) -> str:
    """The mark of a node's namespace. Raises InputError if it is too long for the kernel."""
    words = f"mrcnet:{lab_name(lab)}:{node}"
    if not is_node(node) or len(words) > MAX_MARK:
        raise InputError(
            f"lab {lab!r} and node {node!r} are too long together", remedy="choose a shorter lab name"
        )
    return words


def read(path: Path) -> Owned | None:
    """Whose the namespace at `path` is; None if it is not ours, gone, or no namespace."""
    if not netns.is_namespace(path):
        return None
    try:
        with netns.inside(path), NetlinkSocket() as socket:
            lo = links.read_link(socket.get(links.get_link(LO)))
    except OSError:
        return None
    for name in lo.altnames:
        start, _, rest = name.partition(":")
        lab, _, node = rest.partition(":")
        if start == "mrcnet" and node and path == netns.path_of(lab, node):
            return Owned(lab, node, path)
    return None


def owned(lab: str | None = None) -> tuple[Owned, ...]:
    """Every namespace of ours (of one lab), found by mark alone. None is that of who may have no labs."""
    if not privilege.able():
        return ()
    found = (read(path) for path in sorted(_candidates(lab)))
    return tuple(one for one in found if one is not None and lab in (None, one.lab))


def _candidates(lab: str | None) -> Iterator[Path]:
    try:
        yield from netns.DIRECTORY.glob(f"{netns.PREFIX}*" if lab is None else f"{netns.PREFIX}{lab}-*")
    except PermissionError as error:
        raise EnvironmentFault(f"cannot read {netns.DIRECTORY}", remedy="run it as root") from error
