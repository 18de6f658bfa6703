"""A drill that is killed outright: `fault heal --all` makes its lab whole, `down` removes it."""

from __future__ import annotations

import multiprocessing
import signal
from pathlib import Path

import pytest

from mrcnet.drill.model import ProberSpec
from mrcnet.drill.probing import probing
from mrcnet.drill.recorder import Recorded, recorder
from mrcnet.errors import Where
from mrcnet.kernel import delays, faults, portfaults
from mrcnet.kernel import lab as labs
from mrcnet.mrc.settings import Settings
from mrcnet.port.model import FaultSpec
from mrcnet.topology.model import End
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from tests.netns.fabric import NEEDS_ROOT, arrives, bring_up, namespaces, new_name, running
from tests.netns.traffic import exists, mrcnet, runs, sending, shields, start, topology, wait_for

pytestmark = NEEDS_ROOT
SHAPE = topology("2p-2t0-2t1")
DRILL = """name: {name}
topology: 2p-2t0-2t1
traffic: {{pattern: pair, hosts: [h0, h3], message: 16KiB, rate: 50Mbps, duration: 60s}}
actions:
  - {{at: 100ms, do: cut, target: "p0-t0-0:p0-t1-0"}}
  - {{at: 100ms, do: cut, target: "p0-t0-0:p0-t1-1", silent: true}}
  - {{at: 100ms, do: blackhole, target: "p1-t0-0:p1-t1-0"}}
  - {{at: 100ms, do: loss, target: "p1-t0-0:p1-t1-1", share: 1%}}
  - {{at: 100ms, do: delay, target: "h3:p1-t0-1", delay: 1us}}
"""


def drill(folder: Path, name: str) -> str:
    file = folder / "drill.yaml"
    file.write_text(DRILL.format(name=name))
    return str(file)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT], ids=["kill", "quit"])
def test_heal_all_after_a_kill(tmp_path: Path, number: int) -> None:
    """Whatever kills a drill in a running lab: `heal --all` ends all of its faults, and the lab is whole."""
    with running(SHAPE) as (name, plan):
        with start("drill", drill(tmp_path, new_name()), "--lab", name) as process:
            workers = wait_for(sending(process.pid, name, plan))
            wait_for(lambda: delays.read(name))  # the last of them
            process.send_signal(number)
            process.communicate(timeout=30)
        wait_for(lambda: not any(exists(pid) for pid in workers))
        assert 2 == len(faults.active_faults(name))
        code, told, _ = mrcnet("fault", name, "heal", "--all")
        assert (0, 5) == (code, len(told["healed"]))
        assert () == faults.active_faults(name)
        assert () == delays.read(name)
        assert [] == shields(name, plan)
        assert () == bring_up(name, SHAPE).changes
        assert [] == runs(name)
        assert all(arrives(name, plan, "h0", "h3", plane) for plane in (0, 1))
        assert (0, []) == ((again := mrcnet("fault", name, "heal", "--all"))[0], again[1]["healed"])


def test_down_after_a_kill(tmp_path: Path) -> None:
    """`down` removes the lab that a killed drill had brought up, and nothing of it is left."""
    name = new_name()
    with start("drill", drill(tmp_path, name)) as process:
        wait_for(lambda: name in labs.labs() and runs(name) and delays.read(name))
        process.kill()
        process.communicate(timeout=30)
    assert 0 == mrcnet("down", name)[0]
    assert set() == namespaces(name)
    assert name not in labs.labs()


def test_heal_all_leaves_a_run_alone() -> None:
    """While a run is under way `heal --all` heals links, and leaves the ports of its hosts alone."""
    with running(SHAPE) as (name, plan):
        words = ("--hosts", "h0,h3", "--duration", "60s", "--rate", "20Mbps")
        with start("traffic", name, *words) as process:
            wait_for(sending(process.pid, name, plan))
            portfaults.strike(plan, name, FaultSpec("loss", share=0.01), "p0-t0-0:p0-t1-0")
            assert 1 == len(mrcnet("fault", name, "heal", "--all")[1]["healed"])
            assert 4 == len(shields(name, plan))
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def test_who_writes_down_and_who_probes_may_be_killed() -> None:
    """A drill goes on without them, and says that nobody probed any more."""
    with running(SHAPE) as (name, plan):
        flows = (Flow(0, "h0", "h3", 1 << 20, 16 << 10, None),)
        job = Job(name, plan, flows, Settings(), 1, 1_000_000)
        spec = ProberSpec(10.0, False, Where("drill.yaml"))
        with recorder(job, [End("h0", "eth1")], []) as notes, probing(job, spec) as found:
            for process in multiprocessing.active_children():
                process.kill()
                process.join()
            notes.mark(0)
    assert Recorded() == notes.recorded
    assert ["no probing to the end: its process died, or hangs"] == [one.text for one in found]
