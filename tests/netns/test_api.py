"""docs/python.md on real labs, and what a lab from Python leaves behind: nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.utils import RawPcapNgReader

from mrcnet.api import Lab, Load, status
from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.kernel import lab as labs
from mrcnet.kernel.status import State
from tests.netns.fabric import NEEDS_ROOT, namespaces, new_name
from tests.support.pages import blocks

pytestmark = NEEDS_ROOT
WITH_LABS = [block for block in blocks("python.md", "python") if "Lab.up" in block]


def parametrized(number: int, block: str) -> object:
    """One that runs a drill is judged by the clock."""
    return pytest.param(block, id=str(number), marks=[pytest.mark.alone] if ".drill(" in block else [])


@pytest.mark.parametrize("block", [parametrized(*one) for one in enumerate(WITH_LABS)])
def test_a_block_of_the_page_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page shows of labs runs as it stands, and its lab is gone afterwards."""
    monkeypatch.chdir(tmp_path)
    (drill,) = blocks("python.md", "yaml")
    Path("drill.yaml").write_text(drill)
    name = new_name()
    try:
        exec(compile(block.replace('"mine"', repr(name)), "docs/python.md", "exec"), {})
        assert set() == namespaces(name)
    finally:
        if name in labs.labs():
            labs.down(name)


def test_the_page_has_such_blocks() -> None:
    """None of them is lost unseen."""
    assert 6 == len(WITH_LABS)


def test_probes_from_python(capfd: pytest.CaptureFixture[str]) -> None:
    """Agents name a link that was cut silently, as soon as they know, and nothing is printed."""
    told: list[str] = []
    with Lab.up("2p-2t0-2t1", new_name()) as lab:
        lab.fault.cut("p0-t0-0:p0-t1-1", silent=True)
        found = lab.probe(hosts=["h0", "h3"], found=lambda change: told.append(change.link))
        assert (False, ("p0-t0-0:p0-t1-1",), ("h0", "h3")) == (found.ok, found.broken, found.hosts)
        assert ["p0-t0-0:p0-t1-1"] == told
        lab.fault.heal_all()
        assert lab.probe(duration="1s").ok
        with pytest.raises(InputError, match="hosts: 'h9' is no host"):
            lab.probe(hosts=["h9"])
    assert ("", "") == capfd.readouterr()


def test_evs_from_python() -> None:
    """While a run is on its EVs are shown, denied and allowed; before and after it that is an InputError."""
    link = "p0-t0-0:p0-t1-1"
    with Lab.up("2p-2t0-2t1", new_name()) as lab:
        for ask in (lambda: lab.evs.table("h0", "h3"), lambda: lab.evs.deny(link)):
            with pytest.raises(InputError, match="no run"):
                ask()
        with lab.running(Load("pair", duration="4s", rate="20Mbps", backup_share=0)) as run:
            assert {"GOOD"} == crossing(lab, link)
            (denied,) = lab.evs.deny(link)
            assert (link, True, 2) == (denied.link, denied.on, denied.evs)  # there, and the way back
            assert {"DENIED"} == crossing(lab, link)
            assert [2] == [one.evs for one in lab.evs.allow(link)]
            assert "DENIED" not in crossing(lab, link)
            assert not run.done()
        assert run.result().verified


def test_ports_and_states_from_python(tmp_path: Path) -> None:
    """A shaped port tells what it is told, counts and plays; a lab how it is; who has no queue is refused."""
    file = tmp_path / "shaped.yaml"
    file.write_text("fabric: {planes: 2, t0: 2, t1: 1, hosts_per_t0: 1}\ndilation: 1000\nports: {}\n")
    with Lab.up(file, new_name()) as lab:
        port = lab.port("p0-t0-0:eth1")
        before = port.look()
        assert lab.run(Load("pair", size="256KiB")).verified
        lab.fault.loss("p0-t0-0:eth1", "50%")
        after = port.look()
        assert (before.port, before.dilation, ()) == ("p0-t0-0:eth1", 1000, before.faults)
        assert before.queue is not None
        assert before.counters.sent < after.counters.sent
        assert [("loss", 0.5, None)] == [(one.fault, one.share, one.left_s) for one in after.faults]
        assert (lab.name, State.DEGRADED) == (lab.status().lab, lab.status().state)
        with lab.watch() as watch:
            assert {"p0-t0-0:eth1"} == {
                str(one.end) for one in watch.look().ports if one.queue is not None and one.queue.faults
            }
            lab.fault.heal_all()
            assert State.UP == next(one.state for one in status() if one.lab == lab.name)
            assert f'mrcnet_dilation{{lab="{lab.name}"}} 1000' in lab.metrics()
    with pytest.raises(InputError, match="there is no lab"):
        lab.status()
    with Lab.up("2p-2t0-2t1", new_name()) as lab, pytest.raises(InputError, match="is not shaped"):
        lab.port("p0-t0-0:eth1")


def crossing(lab: Lab, link: str) -> set[str]:
    """The states of the EVs from h0 to h3 over a link."""
    return {ev.state for ev in lab.evs.table("h0", "h3") if {*link.split(":")} <= {*ev.path}}


def test_captures_from_python(tmp_path: Path) -> None:
    """A file holds the frames that a port sent and received beside its block, each of them and no others."""
    file = tmp_path / "frames.pcapng"
    with Lab.up("2p-2t0-2t1", new_name()) as lab:
        lab.run(Load("pair", size="64KiB"))
        with lab.capture("h0:eth1", file, snaplen=100) as capture:
            run = lab.run(Load("pair", size="1MiB"))
        lab.run(Load("pair", size="64KiB"))
        frames = list(RawPcapNgReader(str(file)))
        assert (len(frames), 0) == (capture.taken, capture.missed)
        assert 100 == max(len(data) for data, _ in frames)
        payload = lab.plan.topology.transport.payload
        sent = sum(meta.wirelen > payload for _, meta in frames)
        assert 0 <= sent - run.planes[0].bytes // payload <= run.packets.retransmitted
        assert {1, 2} == {meta.direction for _, meta in frames}
        with pytest.raises(EnvironmentFault, match="cannot write"), lab.capture("h0:eth1", tmp_path):
            raise AssertionError("it began")


def test_a_run_that_cannot_begin() -> None:
    """What is wrong with a load is said before the block beside it begins."""
    with (
        Lab.up("2p-2t0-2t1", new_name()) as lab,
        pytest.raises(InputError, match="no pattern 'rign'"),
        lab.running(Load("rign")),
    ):
        raise AssertionError("it began")


def test_faults_from_python(capfd: pytest.CaptureFixture[str]) -> None:
    """Faults begin and end by their methods, a wrong target is an InputError, and nothing is printed."""
    with Lab.up("2p-2t0-2t1", new_name()) as lab:
        lab.fault.cut("p0-t0-0:p0-t1-1")
        assert [("p0-t0-0:p0-t1-1", False)] == [(one.target, one.silent) for one in lab.fault.active()]
        lab.fault.heal("p0-t0-0:p0-t1-1")
        lab.fault.loss("p0-t0-0:p0-t1-1", "1%", lasts="1h")
        lab.fault.blackhole("p0-t0-0:p0-t1-0", one_way=True)
        lab.fault.flap("p1-t0-0:p1-t1-0", "1h", count=1)
        assert ("heal",) * 3 == tuple(one.fault for one in lab.fault.heal_all())
        with pytest.raises(InputError, match="p0-t1-7"):
            lab.fault.cut("p0-t0-0:p0-t1-7")
        with pytest.raises(InputError, match="period must be more than 0"):
            lab.fault.flap("p1-t0-0:p1-t1-0", 0)
        assert lab.verify().ok
        assert (3, "") == (lab.exec("h0", "sh", "-c", "exit 3").returncode, lab.exec("h0", "true").stdout)
    assert ("", "") == capfd.readouterr()
