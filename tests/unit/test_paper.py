"""The criteria by which the paper's figures 8 and 9 count as reproduced: every one of them can fail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.unit.plan.fabrics import ROOT

FIGURES = ["paper-fig9a", "paper-fig9b", "paper-fig9c", "paper-fig9d"]


@pytest.fixture
def outages(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """scripts/benches/outages.py; the drills that it would run are those of `run`."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from benches import outages as found

    monkeypatch.setattr(found, "_run", run)
    yield found
    for name in [name for name in sys.modules if name.partition(".")[0] == "benches"]:
        del sys.modules[name]


def run(lab: str) -> dict[str, Any]:
    """The part of a lab's result that is looked at, as if all had gone as in the paper."""
    faults = {"port-ladder": 12, "half-nic": 2, "links-at-once": 2, "t1-grey": 3, "links-one-by-one": 8}[lab]
    of = {f"down-{step}": {"plateau_share": 1 - step / 8} for step in range(1, 8)}
    of |= {"up-2": {"plateau_share": 1.0}, "half": {"plateau_share": 0.5}, "back": {"plateau_share": 1.0}}
    of |= {
        "grey": {"leanest_share": 0.8, "evs_hit": 3},
        "reboot": {"leanest_share": 1.0, "evs_hit": 0},
    }
    return {
        "metrics": {
            "goodput_before_bps": 8e3,
            "leanest_share": 1.0,
            "messages_wrong": 0,
            "qps_failed": 0,
            "packets_lost": 9,
        },
        "of": [{"name": name, "measures": measures} for name, measures in of.items()],
        "picture": {
            "length_ms": 20.0,
            "faults": [{"at_ms": 1.0 + number} for number in range(faults)],
            "timelines": [{"start_ms": 0.0, "bin_ms": 1.0, "delivered": [[1] * 20]}],  # 8 kbit/s in each
        },
    }


def verdicts(outages: ModuleType) -> dict[str, bool]:
    return {one.name: one.ok for one in (*outages.figure_8(), *outages.figure_9())}


def test_what_goes_as_in_the_paper_passes(outages: ModuleType) -> None:
    """Runs of the paper's own shape meet all criteria, and carry both curves to be drawn."""
    assert dict.fromkeys(["paper-fig8", *FIGURES], True) == verdicts(outages)
    (found,) = outages.figure_8()
    assert found.note["paper"][1][2] < 1
    assert {1.0} == set(found.note["share"])


@pytest.mark.parametrize(
    ("figure", "lab", "where", "what", "value"),
    [
        ("paper-fig8", "t1-grey", "reboot", "leanest_share", 0.94),
        ("paper-fig8", "t1-grey", "reboot", "evs_hit", 1),
        ("paper-fig8", "t1-grey", "grey", "evs_hit", 0),
        ("paper-fig9a", "port-ladder", "down-3", "plateau_share", 0.60),
        ("paper-fig9a", "port-ladder", "up-2", "plateau_share", 0.90),
        ("paper-fig9b", "half-nic", "half", "plateau_share", 0.48),
        ("paper-fig9b", "half-nic", "back", "plateau_share", 0.97),
        ("paper-fig9c", "links-one-by-one", "metrics", "leanest_share", 0.94),
        ("paper-fig9d", "links-at-once", "metrics", "goodput_before_bps", 8.5e3),
        ("paper-fig9b", "half-nic", "metrics", "messages_wrong", 1),
    ],
)
def test_what_does_not_fails(
    outages: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    figure: str,
    lab: str,
    where: str,
    what: str,
    value: float,
) -> None:
    """One figure off its bound fails its criterion, and no other."""

    def sabotaged(name: str) -> dict[str, Any]:
        found = run(name)
        places = [found["metrics"]] if where == "metrics" else _measures(found, where)
        for one in places if name == lab else []:
            one[what] = value
        return found

    monkeypatch.setattr(outages, "_run", sabotaged)
    assert [figure] == [name for name, ok in verdicts(outages).items() if not ok]


def _measures(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [one["measures"] for one in found["of"] if one["name"] == name]
