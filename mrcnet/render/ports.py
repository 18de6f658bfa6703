"""What a port that containerlab calls `eth3` is called inside a NOS."""

from __future__ import annotations

import re

from mrcnet.errors import InputError
from mrcnet.render.model import Nos

_ETH = re.compile(r"eth([1-9][0-9]{0,3})")
_LANES = 4  # SONiC numbers front panel ports by their first lane


def inside(nos: Nos, port: str) -> str:
    """`eth3` -> `eth3` for FRR, `Ethernet8` for SONiC, `Ethernet3` for EOS, `swp3` for Cumulus.

    KeyError if it cannot be.
    """
    if nos is Nos.FRR:
        return port
    number = _ETH.fullmatch(port)
    if number is None:
        raise KeyError(port)
    if nos is Nos.CUMULUS:
        return f"swp{number[1]}"
    return f"Ethernet{(int(number[1]) - 1) * _LANES if nos is Nos.SONIC else int(number[1])}"


def check(nos: Nos, node: str, port: str) -> None:
    """Raise InputError if containerlab or the NOS cannot have a port of this name."""
    if port == "eth0":
        raise InputError(f"port {node}:eth0: containerlab keeps eth0 for management", remedy="call it eth1")
    try:
        inside(nos, port)
    except KeyError:
        raise InputError(
            f"port {node}:{port}: {nos} has ports eth1, eth2, ... only",
            remedy="rename it in the topology, or render this fabric for frr",
        ) from None
