"""What is written down beside a drill on a real lab: frames of ports, and what ports carried."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapNgReader

from tests.netns.fabric import ALONE, new_name
from tests.netns.traffic import mrcnet

pytestmark = ALONE
Frame = tuple[float, str, Ether]  # ms since traffic began, way, frame
LINK = "p0-t0-0:p0-t1-1"
DEAD, SINK = "p0-t0-0:eth4", "h3:eth1"
DRILL = f"""name: {{name}}
topology: 2p-2t0-2t1
capture: ["{LINK}", "{SINK}"]
traffic: {{{{pattern: pair, hosts: [h0, h3], message: 16KiB, rate: 50Mbps, duration: 1s}}}}
transport: {{{{backup_share: 0, timeout_exponent: 19}}}}
actions:
  - {{{{at: 400ms, do: cut, target: "{LINK}", silent: true}}}}
"""


def test_frames_and_counters_around_a_cut(tmp_path: Path) -> None:
    """Both directions of a port are there until the cut and no longer, with the addresses they had there.

    The counters of its link say the same, and those of the port beside it go up.
    """
    file = tmp_path / "drill.yaml"
    file.write_text(DRILL.format(name=new_name()))
    code, told, said = mrcnet("drill", str(file), "-o", str(tmp_path / "result.json"))
    assert (0, "passed") == (code, told["verdict"]), said
    assert [DEAD, SINK] == [one["port"] for one in told["captures"]]
    (fault,) = told["series"]
    whole = [every_frame(tmp_path / one["file"]) for one in told["captures"]]
    assert [one["frames"] for one in told["captures"]] == [len(found) for found in whole]
    dead, sink = map(of_the_run, whole)
    assert {"in", "out"} == {way for _, way, _ in dead}
    latest = max(at for at, _, _ in dead)
    assert latest <= fault["at_ms"] + fault["error_ms"] + 5  # what had left the port before
    assert max(at for at, _, _ in sink) > latest
    # uSIDs are shifted at every hop: at h3 the carrier begins with h3's own
    assert {"out"} == {way for _, way, frame in dead if frame[IPv6].dst.startswith("fcbb:bb00:4002:")}
    assert 1 == len({frame[IPv6].dst for _, way, frame in sink if way == "in"})
    lines = {one["port"]: one for one in fault["ports"]["ports"]}
    begin, width = fault["ports"]["begin_ms"], fault["ports"]["bin_ms"]
    after = int((fault["at_ms"] + fault["error_ms"] + 10 - begin) / width) + 1
    assert sum(lines[DEAD]["sent"][:after]) > 0 == sum(lines[DEAD]["sent"][after:])
    assert sum(lines["p0-t0-0:eth3"]["sent"][after:]) > 0


def every_frame(file: Path) -> list[Frame]:
    """What a capture holds."""
    return [
        ((meta.tshigh << 32 | meta.tslow) / 1e6, "out" if meta.direction == 2 else "in", Ether(data))
        for data, meta in RawPcapNgReader(str(file))
    ]


def of_the_run(found: list[Frame]) -> list[Frame]:
    """Without what the kernel itself says to all, as when a port comes up."""
    return [one for one in found if IPv6 in one[2] and not one[2][IPv6].dst.startswith("ff")]
