"""What scripts/soak calls growth, and an EV that was lost without a fault."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType

import pytest

from mrcnet.plan.target import find_link
from tests.unit.drill.recordings import CUT, DEAD, HEAL, JOB, LINK, OTHER, PLAN, change, recording
from tests.unit.plan.fabrics import ROOT

MIB = 1 << 20


@pytest.fixture
def soaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of scripts/soaking by name."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    yield lambda name: import_module(f"soaking.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "soaking"]:
        del sys.modules[name]


@pytest.fixture
def verdict(soaking: Callable[[str], ModuleType]) -> ModuleType:
    """scripts/soaking/verdict.py."""
    return soaking("verdict")


@pytest.fixture
def weather(soaking: Callable[[str], ModuleType]) -> ModuleType:
    """scripts/soaking/weather.py."""
    return soaking("weather")


def series(name: str, values: list[float]) -> list[tuple[float, dict[str, float]]]:
    """A sample a minute."""
    return [(60.0 * minute, {name: value}) for minute, value in enumerate(values)]


@pytest.mark.parametrize(("each", "ok"), [(0.0, True), (0.0005, True), (0.001, False)])
def test_what_creeps(verdict: ModuleType, each: float, ok: bool) -> None:
    """Memory may grow by a hundredth of itself over the steady time, and no more."""
    (found,) = verdict.growths(series("memory of soak", [100 * MIB * (1 + each * at) for at in range(20)]))
    assert (True, ok) == (found.judged, found.ok)


def test_what_wavers(verdict: ModuleType) -> None:
    """A saw-tooth, one outlier, and what happens before the tenth part of the time count for nothing."""
    values = [50.0 * MIB] * 2 + [100.0 * MIB, 104.0 * MIB] * 10
    values[11] = 300.0 * MIB
    (found,) = verdict.growths(series("memory of soak", values))
    assert found.ok


@pytest.mark.parametrize("values", [[20.0, 20.0, 21.0, 21.0, 22.0], [0.0, 1.0, 2.0, 3.0]])
def test_things_are_counted_from_the_second_sample_on(verdict: ModuleType, values: list[float]) -> None:
    """One descriptor more every other minute is a growth, also from none, however few the samples."""
    (found,) = verdict.growths(series("descriptors of soak", values))
    assert (True, False) == (found.judged, found.ok)


def test_few_samples_do_not_judge_memory(verdict: ModuleType) -> None:
    """The allocator takes pages when it likes: of few samples nothing is said of memory."""
    (found,) = verdict.growths(series("memory of soak", [100.0, 150.0, 200.0]))
    assert (False, True) == (found.judged, found.ok)


def test_a_process_that_is_not_always_there(verdict: ModuleType) -> None:
    """A series with gaps is not fitted."""
    samples = [(0.0, {"a": 1.0, "b": 1.0}), (60.0, {"a": 1.0}), (120.0, {"a": 1.0, "b": 9.0})]
    assert ["a"] == [one.what for one in verdict.growths(samples[0:1] + samples)]


@pytest.mark.parametrize("kind", ["unbalanced", "unexplained", "troubles"])
def test_conduct_counts(verdict: ModuleType, kind: str) -> None:
    """Books that do not balance, an EV lost without a fault, trouble: each fails a soak."""
    found = verdict.growths(series("namespaces", [12.0] * 4))
    conduct = verdict.Conduct(runs=3)
    assert verdict.passed(found, conduct)
    getattr(conduct, kind).append("run 2: it is so")
    assert not verdict.passed(found, conduct)


@pytest.mark.parametrize(("unfaithful", "ok"), [(2, True), (3, False)])
def test_a_busy_machine_proves_nothing(verdict: ModuleType, unfaithful: int, ok: bool) -> None:
    """What an unfaithful run loses is told and does not count; but if most runs are, nothing has passed."""
    found = verdict.growths(series("namespaces", [12.0] * 4))
    conduct = verdict.Conduct(runs=4, unfaithful=unfaithful, doubtful=["run 2: it is so"])
    assert ok == verdict.passed(found, conduct)


def test_nothing_seen_is_nothing_passed(verdict: ModuleType) -> None:
    """A soak that was stopped before its second sample, or without a run, has not passed."""
    found = verdict.growths(series("namespaces", [12.0]))
    assert not verdict.passed(found, verdict.Conduct(runs=1))
    assert not verdict.passed(verdict.growths(series("namespaces", [12.0] * 4)), verdict.Conduct())


# The longest timeout (spec 1.3), and the way there and back.
LATE = 1_024 * 2**JOB.settings.timeout_ceiling_exponent + 2 * JOB.settings.base_rtt_ns


@pytest.mark.parametrize(
    ("at", "ev", "found"),
    [
        (CUT, DEAD, 0),
        (HEAL + LATE, DEAD, 0),
        (CUT - 1, DEAD, 1),
        (HEAL + LATE + 1, DEAD, 1),
        (CUT, OTHER, 1),
    ],
    ids=["at once", "late", "too early", "too late", "another EV"],
)
def test_a_fault_explains_its_own(weather: ModuleType, at: int, ev: int, found: int) -> None:
    """A fault explains that an EV over its link is lost, from its begin to a timeout after its end."""
    struck = [weather.Struck("cut", find_link(PLAN, LINK), CUT, HEAL)]
    run = recording(change(at, ev, "GOOD", "ASSUMED_BAD"), change(at, ev, "ASSUMED_BAD", "GOOD"))
    assert found == len(weather.unexplained(run, struck))
