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
    """scripts/benches/loss.py."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from benches import loss as found

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
