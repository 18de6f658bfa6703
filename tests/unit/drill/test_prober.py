"""A drill's prober: how it is asked for, and where it cannot be had."""

from __future__ import annotations

import pytest

from mrcnet.drill.fabric import refuse_impossible
from mrcnet.drill.job import plan_job
from mrcnet.drill.load import load_drill
from mrcnet.drill.model import Drill
from mrcnet.drill.virtual import SimFabric
from mrcnet.errors import InputError
from tests.unit.plan.fabrics import shipped

TEXT = "name: x\ntopology: t.yaml\ntraffic: {pattern: ring, duration: 1s}\n"


def drill(line: str) -> Drill:
    return load_drill(f"{TEXT}{line}\n", "x.yaml", {})


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("", None),
        ("prober: {rate: 50, deny: true, when: false}", None),
        ("prober: {}", (50.0, False)),
        ("prober: {rate: 10, deny: true}", (10.0, True)),
    ],
)
def test_what_is_asked_for(line: str, asked: tuple[float, bool] | None) -> None:
    """A drill has no prober unless it says so; a matrix may switch it."""
    spec = drill(line).prober
    assert asked == (None if spec is None else (spec.rate, spec.deny))


def test_a_rate_beyond_reason_is_refused() -> None:
    """A rate that no machine keeps is refused with its place in the file."""
    with pytest.raises(InputError, match=r"x\.yaml:4:16.*200"):
        drill("prober: {rate: 5000}")


def test_the_simulator_has_none() -> None:
    """A drill with a prober is refused there before anything starts, with the place and the remedy."""
    asked = drill("prober: {deny: true}")
    job = plan_job(asked, shipped("2p-2t0-2t1"), "x")
    with pytest.raises(InputError, match=r"x\.yaml:4:\d+: there is no prober in the simulator") as refused:
        refuse_impossible(asked, [], job, SimFabric())
    assert "--on sim" in str(refused.value.remedy)
