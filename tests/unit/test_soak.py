"""What scripts/soak calls growth: what creeps is found, what only wavers is not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.unit.plan.fabrics import ROOT

MIB = 1 << 20


@pytest.fixture
def verdict(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """scripts/soaking/verdict.py."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from soaking import verdict as found

    yield found
    for name in [name for name in sys.modules if name.partition(".")[0] == "soaking"]:
        del sys.modules[name]


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


def test_nothing_seen_is_nothing_passed(verdict: ModuleType) -> None:
    """A soak that was stopped before its second sample, or without a run, has not passed."""
    found = verdict.growths(series("namespaces", [12.0]))
    assert not verdict.passed(found, verdict.Conduct(runs=1))
    assert not verdict.passed(verdict.growths(series("namespaces", [12.0] * 4)), verdict.Conduct())
