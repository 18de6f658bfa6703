"""Three tellers of where a packet goes: the plan, the tables of rendered files, the live kernel."""

from __future__ import annotations

import pytest

from mrcnet.plan.model import Plan
from mrcnet.render.model import Nos, Wish
from mrcnet.topology.schemefile import shipped as schemes
from mrcnet.verify.run import verify
from tests.netns.fabric import NEEDS_ROOT, SMALL, running
from tests.support.readback import disagreements, read_back

pytestmark = NEEDS_ROOT
UNEQUAL = (
    "fabric: {planes: 3, t0: 3, t1: 2, hosts_per_t0: 1, plane_shapes: {2: {t1: 1}}}\n"
    "hosts: {h2: {planes: [0, 1]}}\nomit: ['p0-t0-1:p0-t1-1']\n"
)
ALL = 10_000


def knowing(plan: Plan) -> list[Nos]:
    """The NOS that can be told the plan's scheme."""
    return [nos for nos in Nos if nos is not Nos.EOS or not plan.wiring.sids.leaf_decap]


@pytest.mark.parametrize("scheme", schemes())
@pytest.mark.parametrize("text", [SMALL, UNEQUAL], ids=["small", "unequal"])
def test_plan_files_and_kernel_agree(text: str, scheme: str) -> None:
    """Every EV has the same address at every hop by the plan, by each NOS's files, and in the kernel."""
    with running(f"{text}srv6: {{scheme: {scheme}}}\n") as (lab, plan):
        for nos in knowing(plan):
            tried, wrong = disagreements(plan, read_back(plan, Wish(nos)))
            assert [] == wrong
        result = verify(lab, plan, sample=ALL)  # compares what was captured with the plan's walk
        assert (True, tried, tried) == (result.ok, result.paths, result.sampled)
