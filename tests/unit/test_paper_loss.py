"""The criteria of the paper's figures 16 and 17: met by its own curves, and able to fail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.unit.plan.fabrics import ROOT

Curves = dict[tuple[str, float], tuple[float, ...]]
# Figure 16 at 64 MB, 256 MB, 1 GB and 16 GB, Gb/s; what is too low to be read is 1.
PAPER: Curves = {
    ("mrc", 0.0): (183, 271, 378, 376),
    ("mrc", 0.001): (80, 131, 220, 340),
    ("mrc", 0.01): (44, 76, 105, 151),
    ("rocev2", 0.0): (178, 156, 199, 223),
    ("rocev2", 0.001): (20, 34, 84, 192),
    ("rocev2", 0.01): (1, 6, 12, 31),
    ("rocev2x16", 0.0): (180, 268, 302, 362),
    ("rocev2x16", 0.001): (13, 20, 48, 212),
    ("rocev2x16", 0.01): (1, 3, 8, 28),
}


@pytest.fixture
def loss(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """scripts/benches/losscriteria.py."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from benches import losscriteria as found

    yield found
    for name in [name for name in sys.modules if name.partition(".")[0] == "benches"]:
        del sys.modules[name]


def test_the_paper_meets_its_own_criteria(loss: ModuleType) -> None:
    """MRC leads both under loss, and loss moves every knee to larger sizes."""
    assert {True} == set(loss.leads(PAPER).values())
    assert loss.knees_move(PAPER)


@pytest.mark.parametrize("rate", [0.001, 0.01])
def test_a_baseline_that_leads_fails_its_criterion(loss: ModuleType, rate: float) -> None:
    """Where 16 QPs are ahead of MRC at one of the sizes that count, that criterion fails and no other."""
    met = loss.leads({**PAPER, ("rocev2x16", rate): (1, 200, 1, 1)})
    (failed,) = (words for words, good in met.items() if not good)
    assert failed.startswith(f"MRC leads rocev2x16 at {rate:.1%}")


def test_a_knee_that_stays_fails(loss: ModuleType) -> None:
    """A transport on which loss has no effect does not move its knee."""
    still = {("mrc", rate): PAPER["mrc", 0.0] for rate in (0.001, 0.01)}
    assert not loss.knees_move({**PAPER, **still})


def test_the_paper_s_orders_are_not_the_bar_s(loss: ModuleType) -> None:
    """By the paper's own ring one QP is before sixteen at 0.1 %, but for the largest size."""
    at = loss.orders({name: PAPER[name, 0.001] for name in ("mrc", "rocev2", "rocev2x16")})
    assert ["mrc > rocev2 > rocev2x16"] * 3 + ["mrc > rocev2x16 > rocev2"] == at
    missed = {words for words, good in loss.bar(PAPER, PAPER).items() if not good}
    assert {
        f"{name}: mrc > rocev2x16 > rocev2 at {rate:.1%}, smaller sizes"
        for name in ("ring", "all-to-all")
        for rate in (0.001, 0.01)
    } == {words for words in missed if "x16 > rocev2 " in words}


def test_what_cannot_be_read_has_no_place(loss: ModuleType) -> None:
    """Orders tell of the rates that are known, and of equal ones that they are equal."""
    assert ["b > a", "b", "a = b"] == loss.orders({"a": (1.0, None, 3.0), "b": (2.0, 3.0, 3.0)})


@pytest.mark.parametrize("theirs", [20.0, 20.1])
def test_the_gap_is_over_both(loss: ModuleType, theirs: float) -> None:
    """Four times is met at four times, and by each RoCEv2 for itself."""
    curves = {**PAPER, ("rocev2", 0.001): (theirs, 34, 84, 192)}
    met = loss.bar(curves, PAPER)
    assert (theirs <= 20) == met["ring: 4 times rocev2 at 0.1%, smallest size"]
    assert met["ring: 4 times rocev2x16 at 0.1%, smallest size"]
