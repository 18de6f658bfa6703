"""Running a drill, with the kernel replaced by notes of what it was asked to do."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from mrcnet.drill import kernel as room
from mrcnet.drill.job import plan_job
from mrcnet.drill.kernel import KernelFabric
from mrcnet.drill.model import Drill, Expectation, TrafficSpec
from mrcnet.drill.recorder import Recorder
from mrcnet.drill.runner import DrillResult, run_drill
from mrcnet.errors import EnvironmentFault, InputError, Where
from mrcnet.kernel.faults import ActiveFault, FaultRecord
from mrcnet.kernel.lab import UpResult
from mrcnet.nic.clock import FabricClock
from mrcnet.plan.model import Plan
from mrcnet.workload.fidelity import Fidelity
from mrcnet.workload.summary import Recording
from tests.unit.drill.recordings import CUT, DEAD, END, HEAL, LINK, MS, PLAN, change, recording, step

SECOND_LINK = "p1-t0-0:p1-t1-0"
DRILL = Drill(
    name="x",
    story="",
    topology="2p-2t0-2t1",
    topology_where=Where("drill.yaml", 2, 1),
    seed=7,
    traffic=TrafficSpec("pair", (), 1_000, None, END, Where("drill.yaml", 3, 1)),
    steps=(step("cut", at=CUT, silent=True), step("heal", at=HEAL)),
    expectations=(Expectation("evs_hit", 1, None),),
)
Meanwhile = Callable[[Any], None]


class FakeRun:
    """Time goes on by itself; `fails_at`: the instant at which all traffic has failed."""

    start_at = 0
    clock = FabricClock(1)

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.job = kernel.job

    def watch(self, until: int) -> bool:
        self.kernel.now = until
        return until >= self.kernel.fails_at


class Kernel:
    """Keeps notes; `stop` is raised when the note it names is about to be made."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.labs = ("other",)
        self.active: tuple[ActiveFault, ...] = ()
        self.fails_at = 1 << 62
        self.stop: dict[str, BaseException] = {}
        self.press: set[str] = set()  # Ctrl-C with these notes
        self.recording: Recording = recording(change(CUT + MS, DEAD, "GOOD", "ASSUMED_BAD"))
        self.now = 0
        self.job: Any = None

    def note(self, text: str) -> None:
        self.notes.append(text)
        if text in self.press:
            signal.raise_signal(signal.SIGINT)
        if text in self.stop:
            raise self.stop[text]

    def fault(self, name: str) -> Callable[..., FaultRecord]:
        def act(_plan: Any, _lab: str, target: str, silent: bool = False) -> FaultRecord:
            self.note(f"{name} {target}" + (" silently" if silent else ""))
            return FaultRecord(name, target, self.now, 0)

        return act

    @contextmanager
    def register(self, lab: str) -> Iterator[None]:
        self.note(f"register {lab}")
        try:
            yield
        finally:
            self.note(f"unregister {lab}")

    def traffic(self, job: Any, duration: int, meanwhile: Meanwhile) -> Recording:
        self.job = job
        self.note("traffic")
        meanwhile(FakeRun(self))
        self.note("traffic ends")
        assert END == duration
        return self.recording

    def up(self, _plan: Plan, lab: str, *_: str) -> UpResult:
        self.note(f"up {lab}")
        return UpResult(lab, (), 0.0)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(room.lab, "labs", lambda: kernel.labs)
    monkeypatch.setattr(room.lab, "up", kernel.up)
    monkeypatch.setattr(room.lab, "down", lambda lab: kernel.note(f"down {lab}"))
    monkeypatch.setattr(room.faults, "cut", kernel.fault("cut"))
    monkeypatch.setattr(room.faults, "heal", kernel.fault("heal"))
    monkeypatch.setattr(room.faults, "active_faults", lambda _: kernel.active)
    monkeypatch.setattr(room.faults, "prepare", lambda _p, _l, targets: kernel.note(f"prepare {targets}"))
    monkeypatch.setattr(room, "register_run", kernel.register)
    monkeypatch.setattr(room, "run_traffic", kernel.traffic)
    monkeypatch.setattr(room, "recorder", lambda *_: nullcontext(Recorder(None)))
    return kernel


def run(drill: Drill = DRILL, lab: str = "x", **how: bool) -> DrillResult:
    return run_drill(drill, plan_job(drill, PLAN, lab), KernelFabric("file", "text", **how))


def test_a_drill_from_up_to_down(kernel: Kernel) -> None:
    """The lab comes up, the link is made ready before traffic, cut and healed on time, and all goes down."""
    result = run()
    assert "passed" == result.verdict
    assert [
        "up x",
        "register x",
        f"prepare ['{LINK}']",
        "traffic",
        f"cut {LINK} silently",
        f"heal {LINK}",
        "traffic ends",
        "unregister x",
        "down x",
    ] == kernel.notes
    assert (0.4, 0.8) == tuple(line.at_ms / 1e3 for line in result.events if line.kind in ("cut", "heal"))


def test_keep(kernel: Kernel) -> None:
    """With `keep` the lab stays up; its cuts are healed all the same."""
    run(replace(DRILL, steps=DRILL.steps[:1]), keep=True)
    assert f"heal {LINK}" in kernel.notes
    assert "down x" not in kernel.notes


def test_lab_that_exists(kernel: Kernel) -> None:
    """A drill does not take over a lab of its name, which it would take down at its end."""
    kernel.labs = ("x",)
    with pytest.raises(InputError, match="lab 'x' exists") as refused:
        run()
    assert "run the drill in it with --lab x, or `mrcnet down x`" == refused.value.remedy
    assert [] == kernel.notes


def test_running_lab(kernel: Kernel) -> None:
    """In a lab that runs already a drill neither brings anything up nor takes it down."""
    run(lab="other", up=False)
    assert not [note for note in kernel.notes if note.startswith(("up", "down"))]
    assert "register other" in kernel.notes


@pytest.mark.parametrize("when", ["traffic", f"cut {LINK} silently", "traffic ends"])
def test_interrupted(kernel: Kernel, when: str) -> None:
    """Ctrl-C at any time under traffic, also in the middle of a cut: healed, down, and it says `aborted`."""
    kernel.stop[when] = KeyboardInterrupt()
    result = run()
    assert ("aborted", ("interrupted",), None, None) == (
        result.verdict,
        result.reasons,
        result.measures,
        result.traffic,
    )
    healed = [f"heal {LINK}"] if when.startswith("cut") else []  # later it is whole already
    assert [*healed, "unregister x", "down x"] == kernel.notes[kernel.notes.index(when) + 1 :]


def test_term_is_rolled_back(kernel: Kernel) -> None:
    """A TERM signal heals and takes the lab down before it is heard of."""
    kernel.stop["traffic ends"] = SystemExit(143)
    with pytest.raises(SystemExit):
        run(replace(DRILL, steps=DRILL.steps[:1]))
    assert ["traffic ends", f"heal {LINK}", "unregister x", "down x"] == kernel.notes[-4:]


def test_a_run_that_cannot_go_on(kernel: Kernel) -> None:
    """An error in the middle of the traffic heals, takes the lab down, and gives a result that says why."""
    kernel.stop["traffic ends"] = EnvironmentFault("a worker died")
    result = run(replace(DRILL, steps=DRILL.steps[:1]))
    assert ("aborted", ("a worker died",)) == (result.verdict, result.reasons)
    assert ["traffic ends", f"heal {LINK}", "unregister x", "down x"] == kernel.notes[-4:]


def test_a_run_that_cannot_start(kernel: Kernel) -> None:
    """What goes wrong before there is traffic is an error, not a result."""
    kernel.stop["traffic"] = EnvironmentFault("no privilege")
    with pytest.raises(EnvironmentFault, match="no privilege"):
        run()
    assert ["traffic", "unregister x", "down x"] == kernel.notes[-3:]


def test_roll_back_of_what_is_whole(kernel: Kernel) -> None:
    """That a link needs no healing is no error of the roll-back, and keeps no other link from it."""
    steps = (*DRILL.steps[:1], step("cut", SECOND_LINK, at=CUT + MS))
    kernel.stop[f"heal {LINK}"] = InputError("is not cut")
    run(replace(DRILL, steps=steps))
    assert [f"heal {LINK}", f"heal {SECOND_LINK}", "unregister x", "down x"] == kernel.notes[-4:]


@pytest.mark.parametrize("name", [LINK, "p0-t1-1:p0-t0-0"])
def test_link_that_is_cut_before(kernel: Kernel, name: str) -> None:
    """A link that somebody else has cut is refused with place and remedy, and not healed behind his back."""
    kernel.active = (ActiveFault(LINK, silent=False),)
    with pytest.raises(InputError, match="is cut already") as refused:
        run(replace(DRILL, steps=(step("cut", name, at=CUT),)), lab="other", up=False)
    assert Where("drill.yaml", 1, 1) == refused.value.where
    assert f"mrcnet fault other heal {LINK}" == refused.value.remedy
    assert not [note for note in kernel.notes if note.startswith(("heal", "traffic", "cut"))]


def test_all_traffic_fails_before_the_cut(kernel: Kernel) -> None:
    """If every flow fails before the first fault there is nothing to measure: failed, with the reasons."""
    kernel.fails_at = 0
    kernel.recording = recording(source={"failure": "retry counter exceeded"})
    result = run()
    assert "failed" == result.verdict
    assert (
        "h0 -> h3: the QP went to ERROR: retry counter exceeded",
        "2 actions were not taken",
    ) == result.reasons
    assert result.measures is None
    assert result.traffic is not None


def test_all_traffic_fails_after_the_cut(kernel: Kernel) -> None:
    """If every flow fails after the cut, the heal is not waited for; the measures are those of the cut."""
    kernel.fails_at = HEAL
    result = run()
    assert ("failed", ("1 actions were not taken",)) == (result.verdict, result.reasons)
    assert result.measures is not None
    assert 1 == result.measures.evs_hit


def test_expectation_not_met(kernel: Kernel) -> None:
    """One expectation that is not met makes the drill fail, though every byte was right."""
    result = run(replace(DRILL, expectations=(*DRILL.expectations, Expectation("detection_ms", None, 0.5))))
    assert ("failed", ()) == (result.verdict, result.reasons)
    assert [True, False] == [judgement.met for judgement in result.judgements]
    assert kernel.notes[-1] == "down x"


def test_wrong_bytes_fail_a_drill_that_expects_nothing(kernel: Kernel) -> None:
    """A wrong byte fails a drill whatever its file expects."""
    kernel.recording = recording(sink={"wrong": [3]})
    result = run(replace(DRILL, expectations=()))
    assert ("failed", 1) == (result.verdict, len(result.reasons))


def test_doubts(kernel: Kernel) -> None:
    """Signs that the machine made the figures are said: EVs lost before the cut, a ring that ran over."""
    early = change(CUT - 1, DEAD, "GOOD", "ASSUMED_BAD")
    kernel.recording = recording(early, ring_drops=5, longest_turn=80 * MS)
    assert (
        "1 EVs were lost before the first fault (a host was busy for 80 ms once)",
        "5 frames came faster than the receiving NIC could take them",
    ) == run().warnings


def test_an_unfaithful_run_fails(kernel: Kernel) -> None:
    """A run in which the machine was the bottleneck fails its drill; if that is allowed, it warns."""
    doubtful = Fidelity("unfaithful", False, ("late",), 500, (1.0,), 1.0, 9.0, 1.0, 0.0, 0, 0)
    kernel.recording = replace(kernel.recording, fidelity=doubtful)
    said = "unfaithful: late (dilation 500 would do)"
    assert ("failed", (said,)) == ((strict := run()).verdict, strict.reasons)
    job, fabric = plan_job(DRILL, PLAN, "x"), KernelFabric("file", "text")
    lenient = run_drill(DRILL, job, fabric, allow_unfaithful=True)
    assert ("passed", (), said) == (lenient.verdict, lenient.reasons, lenient.warnings[0])


def test_an_unshaped_lab_is_not_held_to_fidelity(kernel: Kernel) -> None:
    """Without rates there is nothing to be faithful to: such a run passes."""
    kernel.recording = replace(
        kernel.recording, fidelity=Fidelity("unshaped", None, (), 1, (1.0,), 1.0, 9.0, 1.0, 0.5, 0, 0)
    )
    assert ("passed", ()) == ((result := run()).verdict, result.reasons)


def test_ctrl_c_that_was_turned_into_an_error(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while loops are compiled comes as another error, or not at all: `aborted` all the same."""

    def pressed(kind: type[Exception] | None) -> Callable[..., Recording]:
        def traffic(*_: Any, **__: Any) -> Recording:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                if kind is not None:
                    raise kind("in a callback") from None
            return kernel.recording

        return traffic

    for kind in (RuntimeError, EnvironmentFault, None):
        monkeypatch.setattr(room, "run_traffic", pressed(kind))
        assert ("aborted", ("interrupted",)) == ((result := run()).verdict, result.reasons)
        assert "down x" == kernel.notes[-1]


def test_ctrl_c_twice(kernel: Kernel) -> None:
    """A second Ctrl-C, while things are put back, is heard only when they are."""
    kernel.stop["traffic ends"] = KeyboardInterrupt()
    kernel.press.add(f"heal {LINK}")
    assert "aborted" == run(replace(DRILL, steps=DRILL.steps[:1])).verdict
    assert ["traffic ends", f"heal {LINK}", "unregister x", "down x"] == kernel.notes[-4:]
