"""What `mrcnet plan` says of EV profiles: `--ev-profile`, `--ev-profiles`."""

from __future__ import annotations

import json
from pathlib import Path

from mrcnet.cli.output import Answer, progress, table
from mrcnet.cli.plantables import whole_or_not
from mrcnet.errors import InputError
from mrcnet.plan.parts import Parts
from mrcnet.plan.profile import EvProfile, profile_data


def ev_profile(parts: Parts, host: str) -> Answer:
    """The profile of one host's NIC. Raises KeyError if there is no such host."""
    _need_carriers(parts)
    profile = parts.profile((host,))
    rows = [
        [one.plane, one.dst, one.dev, one.template, one.uplink_mask, one.downlink_mask, _ranges(one.uplinks)]
        for one in profile.steering
    ]
    head = ["plane", "to", "port", "template", "uplink", "downlink", "uplinks"]
    return Answer(profile_data(profile), table(head, rows))


def write_profiles(parts: Parts, directory: Path) -> Answer:
    """A file for every group of hosts whose NICs are told the same, named by the first of them.

    The directory is there when all are written, or not at all. Raises InputError for one that is
    there already, EnvironmentFault for one that cannot be written.
    """
    _need_carriers(parts)
    number = hosts = rows = 0
    with whole_or_not(directory) as part:
        for number, group in enumerate(parts.alike(), 1):
            profile = parts.profile(group)
            (part / f"{group[0]}.json").write_text(_text(profile), encoding="utf-8")
            hosts, rows = hosts + len(group), rows + len(profile.steering)
            progress(f"{number} EV profiles")
    data = {"directory": str(directory), "profiles": number, "hosts": hosts, "templates": rows}
    return Answer(data, [f"{number} EV profiles of {hosts} hosts in {directory}, {rows} templates"])


def _text(profile: EvProfile) -> str:
    return json.dumps(profile_data(profile), indent=1) + "\n"


def _ranges(uplinks: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in uplinks)


def _need_carriers(parts: Parts) -> None:
    if parts.outline.raw.routing != "srv6":
        raise InputError(
            f"EV profiles name paths by carriers; this fabric has routing: {parts.outline.raw.routing}",
            remedy="use a topology with `routing: srv6`",
        )
