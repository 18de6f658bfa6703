"""The transport's parts, one by one, with the settings that their tests vary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mrcnet.mrc.events import Event
from mrcnet.mrc.evs import EvSet
from mrcnet.mrc.flight import ADDRESS, MESSAGE, OPCODE, RKEY, SIZE, SOURCE, TOTAL
from mrcnet.mrc.memory import Region
from mrcnet.mrc.requestor import Requestor
from mrcnet.mrc.responder import Arrivals, Responder
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.spray import Spray
from mrcnet.mrc.window import FixedWindow
from mrcnet.mrc.wire.control import Sack
from tests.support.wire import ev_paths

BASE_RTT = 100_000
START = 100


def settings_of(**knobs: Any) -> Settings:
    """No backups, and a base RTT of 100 us, unless told otherwise."""
    return replace(Settings(backup_share=0.0, base_rtt_ns=BASE_RTT), **knobs)


def ev_set(planes: int = 2, uplinks: int = 4, seed: int = 1, **knobs: Any) -> tuple[EvSet, list[Event]]:
    """An EV set and the list that its events go to."""
    log: list[Event] = []
    rng = np.random.default_rng(seed)
    return EvSet(1, ev_paths(planes, uplinks), settings_of(**knobs), rng, log.append), log


def requestor_of(
    planes: int = 2, uplinks: int = 4, start: int = START, **knobs: Any
) -> tuple[Requestor, list[Event]]:
    """A requestor with small packets (64 bytes), and the list that its events go to."""
    settings = settings_of(**({"payload": 64} | knobs))
    evs, log = ev_set(planes, uplinks, **knobs)
    spray = Spray(evs, settings, np.random.default_rng(2))
    window = FixedWindow(settings.window_bytes)
    return Requestor(1, start, evs, spray, window, settings, log.append), log


def post(requestor: Requestor, packets: int) -> int:
    """One message of so many packets of 64 bytes."""
    return requestor.post(Region(np.zeros(1, np.uint8), 0, 1), 0, 64 * packets, 0x1000, 2)


ROOM = np.full(8, 1 << 20, np.int64)


def responder_of(start: int = START, **knobs: Any) -> tuple[Responder, list[Event]]:
    """A responder and the list that its events go to."""
    log: list[Event] = []
    return Responder(1, 2, start, settings_of(**knobs), log.append), log


def arrivals(*psn: int, size: int = 4_000, **flags: Any) -> Arrivals:
    """Write packets; `urgent`, `rtx`, `marked`, `last` are sets of the PSNs that have the flag."""
    wire = np.array(psn, np.int64) & 0xFFFFFF
    chosen = {
        name: np.isin(np.array(psn), list(flags.get(name, ()))).astype(np.int64)
        for name in ("urgent", "rtx", "marked", "last")
    }
    return Arrivals(
        psn=wire,
        entropy=np.arange(len(psn)) + 0xE000,
        timestamp=np.arange(len(psn)) + 0x7000,
        udp_length=np.full(len(psn), size - 40),
        **chosen,
    )


def sack(
    cack: int, *arrived: int, trigger: int | None = None, base: int | None = None, **fields: Any
) -> Sack:
    """A SACK that says: all up to `cack` is there, and so is each PSN of `arrived`."""
    base = cack + 1 if base is None else base
    trigger = (max(arrived) if arrived else cack) if trigger is None else trigger
    values: dict[str, Any] = {
        "mark": 0,
        "probe": False,
        "trigger": trigger - cack,
        "entropy": 0,
        "spdcid": 2,
        "dpdcid": 1,
        "cack": cack & 0xFFFFFF,
        "mpr": 0,
        "offset": base - cack,
        "bitmap": sum(1 << psn - base for psn in arrived if 0 <= psn - base < 64),
        "timestamp": 0,
        "ooo_count": 0,
        "rcvd_bytes": 0,
    }
    return Sack(**values | fields)


def shown(report: Sack, near: int) -> set[int]:
    """The PSNs above cack that a SACK's bitmap shows as arrived; `near` tells which turn of the 24 bits."""
    cack = near + ((report.cack - near + (1 << 23)) & 0xFFFFFF) - (1 << 23)
    return {cack + report.offset + bit for bit in range(64) if report.bitmap >> bit & 1}


@dataclass(frozen=True)
class Said:
    """What packets in flight say: offsets in the source region, target addresses, payload sizes, ..."""

    source: list[int]
    address: list[int]
    size: list[int]
    message: list[int]
    opcode: list[int]
    rkey: list[int]
    total: list[int]  # bytes of the whole message


def said(requestor: Requestor, psn: list[int]) -> Said:
    facts = requestor.flight.facts
    rows = facts[np.array(psn) & len(facts) - 1]
    columns = [rows[:, column].tolist() for column in (SOURCE, ADDRESS, SIZE, MESSAGE, OPCODE, RKEY, TOTAL)]
    columns[1] = [address % (1 << 64) for address in columns[1]]
    return Said(*columns)
