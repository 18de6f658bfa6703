"""Three tellers of where a packet goes: the plan, the tables of rendered files, the live kernel."""

from __future__ import annotations

import re

import pytest

from mrcnet.plan.model import Plan
from mrcnet.render.model import Nos, Wish
from mrcnet.topology.schemefile import shipped as schemes
from mrcnet.verify.run import verify
from tests.netns.fabric import NEEDS_ROOT, running
from tests.netns.traffic import topology
from tests.support.readback import disagreements, read_back

pytestmark = NEEDS_ROOT
UNEQUAL = (
    "name: unequal\nfabric: {planes: 3, t0: 3, t1: 2, hosts_per_t0: 1, plane_shapes: {2: {t1: 1}}}\n"
    "hosts: {h2: {planes: [0, 1]}}\nomit: ['p0-t0-1:p0-t1-1']\n"
)
SHAPES = ["unequal", "2p-2t0-2t1", "4p-2t0-4t1", "8p-2t0-2t1", "mixed-nics"]
# One of those whose carriers end at hosts, and the one whose end at T0s.
LARGE = [("4p-16t0-8t1", scheme) for scheme in ("f3216", "leaf-decap")]
MANY = 1000  # EVs: of so many each is captured hop by hop, of more a part


@pytest.mark.parametrize(
    ("shape", "scheme"), [*((shape, scheme) for shape in SHAPES for scheme in schemes()), *LARGE]
)
def test_plan_files_and_kernel_agree(shape: str, scheme: str) -> None:
    """EVs have the same address at every hop by the plan, by each NOS's files, and in the kernel."""
    text = UNEQUAL if shape == "unequal" else re.sub(r"(?m)^(ports|dilation):.*\n", "", topology(shape))
    with running(f"{text}srv6: {{scheme: {scheme}}}\n") as (lab, plan):
        result = verify(lab, plan, sample=MANY)  # compares what was captured with the plan's walk
        assert (True, min(result.paths, MANY)) == (result.ok, result.sampled)
        for wish in wishes(plan):
            tried, wrong = disagreements(plan, read_back(plan, wish), most=MANY)
            assert [] == wrong
            assert min(result.paths, MANY) <= tried <= result.paths


def wishes(plan: Plan) -> list[Wish]:
    """Every NOS that can be told the plan's scheme; of many nodes each in planes of its own, if all can."""
    if plan.wiring.sids.leaf_decap:
        return [Wish(Nos.FRR), Wish(Nos.SONIC)]
    return [Wish(Nos.FRR, mixed=True)] if len(plan.nodes) > 30 else [Wish(nos) for nos in Nos]
