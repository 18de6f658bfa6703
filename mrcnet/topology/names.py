"""Which names a topology may use: for itself, its nodes and their ports."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

TOPOLOGY_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9-._]{0,63}$"
NODE_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9-]{0,62}$"
MAX_INTERFACE = 15  # IFNAMSIZ less the closing zero
MAX_INDEX = 1023  # a uSID's index field has 10 bits and counts from 1 (spec 6.3, "Build")

_INTERFACE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")
# `sr0` is the switch's own bridge; `all` and `default` are taken by sysctl's tree.
_RESERVED_INTERFACES = frozenset({"lo", "sr0", "all", "default"})


def topology_name(text: str) -> str:
    """`text` if it may name a topology (and so a lab). Raises ValueError if not."""
    if not re.fullmatch(TOPOLOGY_NAME, text):
        raise ValueError(f"{text!r} is not a topology's name: up to 64 ASCII letters, digits, '-', '.', '_'")
    return text


def node_name(text: str) -> str:
    """`text` if it may name a node. Raises ValueError if not."""
    if not re.fullmatch(NODE_NAME, text):
        raise ValueError(f"{text!r} is not a node's name: up to 63 ASCII letters, digits and '-'")
    return text


def interface_name(text: str) -> str:
    """`text` if it may name a port. Raises ValueError if not."""
    if len(text) > MAX_INTERFACE:
        raise ValueError(f"interface name {text!r} has {len(text)} characters; at most {MAX_INTERFACE} fit")
    if not _INTERFACE_NAME.fullmatch(text) or text in _RESERVED_INTERFACES:
        raise ValueError(f"{text!r} cannot name an interface; use a name like eth1")
    return text


def suggest(wrong: str, known: Iterable[str]) -> str:
    """`; did you mean 'planes'?` if something known is close to `wrong`, else nothing."""
    close = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
