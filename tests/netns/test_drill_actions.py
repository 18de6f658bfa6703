"""Every action that the kernel's fabric can play, in a running lab, which is whole afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcnet.kernel import faults
from tests.netns.fabric import NEEDS_ROOT, bring_up, running
from tests.netns.traffic import mrcnet, topology

pytestmark = NEEDS_ROOT
SHAPE = "2p-2t0-2t1"
LINK, OTHER = "p0-t0-0:p0-t1-1", "p1-t0-0:p1-t1-0"
HEAD = (
    f"name: all-actions\ntopology: {SHAPE}\nseed: 3\n"
    "traffic: {pattern: pair, hosts: [h0, h3], message: 16KiB, rate: 50Mbps, duration: 2s}\n"
    "transport: {backup_share: 0}\nactions:\n"
)
TIMELINES = {
    "paths": [
        f'{{at: 300ms, do: blackhole, target: "{LINK}", for: 200ms, name: hole}}',
        f'{{at: 400ms, do: loss, target: "{OTHER}", share: 30%, for: 200ms}}',
        "{at: 700ms, do: t1-grey, target: p0-t1-0}",
        "{at: 1000ms, do: reboot, target: p0-t1-0, for: 200ms, name: reboot}",
        f'{{at: 1300ms, do: flap, target: "{LINK}", silent: true, period: 200ms, count: 2}}',
    ],
    "controllers": [
        f'{{at: 300ms, do: cut, target: "{LINK}", silent: true, for: 200ms}}',
        f'{{at: 400ms, do: deny, target: "{LINK}", name: denied}}',
        f'{{at: 900ms, do: allow, target: "{LINK}"}}',
        "{at: 1000ms, do: port-status-off, target: h3}",
        '{at: 1100ms, do: nic-port, target: "h3:eth1", for: 300ms}',
        "{at: 1600ms, do: port-status-on, target: h3}",
    ],
    "left broken": [
        f'{{at: 500ms, do: loss, target: "{LINK}", share: 50%}}',
        "{at: 600ms, do: t1-grey, target: p1-t1-1}",
    ],
}


@pytest.mark.parametrize("name", TIMELINES)
def test_actions_leave_a_lab_whole(tmp_path: Path, name: str) -> None:
    """All of them are taken, no byte is wrong, no QP fails, and what they broke is whole when it is over."""
    file = tmp_path / "drill.yaml"
    file.write_text(HEAD + "".join(f"  - {line}\n" for line in TIMELINES[name]))
    with running(topology(SHAPE)) as (lab, _):
        code, told, complaint = mrcnet("drill", str(file), "--lab", lab)
        assert (0, "passed", []) == (code, told["verdict"], told["reasons"]), complaint
        done = {line["kind"] for line in told["events"]}
        assert {line.split("do: ")[1].split(",")[0] for line in TIMELINES[name]} <= done
        assert () == faults.active_faults(lab)
        assert () == bring_up(lab, topology(SHAPE)).changes
