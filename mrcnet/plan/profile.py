"""What a NIC is told of its paths: an EV profile, which makes every carrier from a few templates.

spec 6.3, step 1: a destination's prefix selects a template; steps 2 and 3: the downlink, which is the last 16
bits of the destination's address, and the EV's uplink go into their fields. A row is for a T0 and a plane.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mrcnet.plan.addressing import host_address, to_int, to_text
from mrcnet.plan.paths import uplinks
from mrcnet.plan.usid import Sids, make_ev
from mrcnet.plan.wiring import Attachment, Wiring

VERSION = 1
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Steering:
    """How a NIC reaches the hosts of a T0 in a plane: their prefix (a /64), its port, the carriers' template.

    The template lacks the uplink, which the EV names, and the downlink, the last 16 bits of the address.
    Masks tell where they go, and where the plane stands; one of 0 has no place. `uplinks`: which lead there,
    as ranges with both their ends.
    """

    plane: int
    dst: str
    dev: str
    template: str
    plane_mask: str
    uplink_mask: str
    downlink_mask: str
    uplinks: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class EvProfile:
    """What NICs of hosts that hang on the same T0s by the same ports are told."""

    topology: str
    scheme: str
    hosts: tuple[str, ...]
    steering: tuple[Steering, ...]


def steer(sids: Sids, host_prefix: str, at: Attachment, t0: int, found: Sequence[int]) -> Steering:
    """How a NIC, attached so, reaches the hosts of T0 number `t0` of that plane, by these uplinks."""
    chosen = sids.template(at.t0.index, t0)
    carrier = chosen.carrier(sids.blocks[at.plane], at.plane, 0, 0)
    return Steering(
        plane=at.plane,
        dst=f"{host_address(to_int(host_prefix), at.plane, t0, 0)}/64",
        dev=at.plug.port,
        template=to_text(carrier),
        plane_mask=to_text(chosen.plane_mask),
        uplink_mask=to_text(chosen.uplink_mask),
        downlink_mask=to_text(chosen.downlink_mask),
        uplinks=tuple(ranges(found)),
    )


def steering_of(wiring: Wiring, host: str) -> Iterator[Steering]:
    """What a host's NIC holds of its peers, by plane and T0. Raises KeyError if it is no host."""
    below: dict[tuple[int, int], list[str]] = {}
    for name, attachments in wiring.attachments.items():
        for at in attachments.values():
            below.setdefault((at.plane, at.t0.index), []).append(name)
    for at in wiring.attachments[host].values():
        for plane, index in sorted(below):
            if plane == at.plane and below[plane, index] != [host]:
                far = wiring.attachments[below[plane, index][0]][plane].t0.name
                if found := uplinks(wiring, at.t0.name, far):
                    yield steer(wiring.sids, wiring.topology.host_prefix, at, index, found)


def ranges(numbers: Iterable[int]) -> Iterator[Range]:
    """1, 2, 3, 7 -> (1, 3), (7, 7). `numbers` ascend."""
    first = last = None
    for number in numbers:
        if first is None or last is None:
            first = number
        elif number != last + 1:
            yield first, last
            first = number
        last = number
    if first is not None and last is not None:
        yield first, last


def profile_data(profile: EvProfile) -> dict[str, Any]:
    """As the JSON of an EV profile."""
    return {
        "version": VERSION,
        "topology": profile.topology,
        "scheme": profile.scheme,
        "hosts": list(profile.hosts),
        "ev": {"plane_mask": f"{make_ev(0xFF, 0):#010x}", "uplink_mask": f"{make_ev(0, 0xFFFF):#010x}"},
        "steering": [
            {**asdict(one), "uplinks": [list(pair) for pair in one.uplinks]} for one in profile.steering
        ],
    }


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an EV profile."""
    address = {"type": "string", "format": "ipv6"}
    number = {"type": "integer", "minimum": 0, "maximum": 65535}
    uplinks = {"type": "array", "items": {"type": "array", "items": number, "minItems": 2, "maxItems": 2}}
    row = {
        "plane": {"type": "integer", "minimum": 0, "maximum": 255},
        "dst": {"type": "string", "description": "prefix of the destinations, a /64"},
        "dev": {"type": "string", "description": "the NIC's port"},
        "template": {**address, "description": "carrier without uplink and downlink"},
        "plane_mask": {**address, "description": "where the template holds the plane"},
        "uplink_mask": {**address, "description": "where the EV's uplink goes; :: if nowhere"},
        "downlink_mask": {
            **address,
            "description": "where the last 16 bits of the destination go; :: if nowhere",
        },
        "uplinks": {**uplinks, "description": "which lead there, in ranges with both ends"},
    }
    word = {"type": "string"}
    mask = {"type": "string", "pattern": "^0x[0-9a-f]{8}$"}
    ev = {"plane_mask": mask, "uplink_mask": mask}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mrcnet EV profile",
        **_all_of(
            {
                "version": {"const": VERSION},
                "topology": word,
                "scheme": word,
                "hosts": {"type": "array", "items": word, "minItems": 1},
                "ev": _all_of(ev),
                "steering": {"type": "array", "items": _all_of(row)},
            }
        ),
    }


def _all_of(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
