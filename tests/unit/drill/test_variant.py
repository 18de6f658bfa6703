"""Variants of a drill: which there are, which are refused, what of the drill stays."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from mrcnet.drill.load import load_drill
from mrcnet.drill.model import ProberSpec
from mrcnet.drill.variant import Variant, parse_variants, varied
from mrcnet.errors import InputError, Where
from mrcnet.topology.model import Routing

DRILL = load_drill(
    """
name: x
topology: 2p-2t0-2t1
traffic: {pattern: ring, duration: 2s}
transport: {congestion: nscc}
actions:
  - {at: 1s, do: cut, target: "p0-t0-0:p0-t1-1"}
""",
    "x.yaml",
    {},
)
ECMP = Variant("rocev2x1/ecmp", "rocev2", Routing.ECMP)


def test_they_are_read_in_order() -> None:
    """A variant is a transport over a routing, named as it was asked for; x1 is the single QP."""
    assert (
        Variant("mrc/srv6", "mrc", Routing.SRV6),
        ECMP,
        Variant("rocev2x16/bgp", "rocev2x16", Routing.BGP),
    ) == parse_variants("mrc/srv6, rocev2x1/ecmp,rocev2x16/bgp")
    assert "rocev2x1-ecmp" == ECMP.stem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mrd/srv6", "there is no transport 'mrd'"),
        ("mrc", "there is no routing ''"),
        ("mrc/ospf", "there is no routing 'ospf'"),
        ("mrc/ecmp", "mrc chooses its paths, which ecmp does not let it"),
        ("spray/bgp", "spray chooses its paths"),
        ("mrc/srv6,mrc/srv6", "mrc/srv6 is there twice"),
        ("", "there is no transport ''"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, told: str) -> None:
    """Unknown, impossible and doubled variants are refused in words."""
    with pytest.raises(InputError) as refused:
        parse_variants(text)
    assert told in refused.value.message
    assert refused.value.remedy


def test_only_the_transport_differs() -> None:
    """Traffic, seed, faults and expectations stay; NSCC is MRC's, and stays with it alone."""
    other = varied(DRILL, ECMP)
    changed = {
        field.name for field in fields(DRILL) if getattr(DRILL, field.name) != getattr(other, field.name)
    }
    assert {"transport", "congestion"} == changed
    assert ("rocev2", "fixed") == (other.transport, other.congestion)
    assert DRILL == varied(DRILL, Variant("mrc/srv6", "mrc", Routing.SRV6))


def test_a_story_of_evs_is_mrcs() -> None:
    """A drill that denies EVs, or has a prober, is refused where there are none, with its place."""
    (step,) = DRILL.steps
    with pytest.raises(InputError, match="rocev2x1/ecmp knows no EVs to deny"):
        varied(replace(DRILL, steps=(replace(step, action="deny"),)), ECMP)
    probed = replace(DRILL, prober=ProberSpec(50, False, Where("x.yaml", 9, 1)))
    with pytest.raises(InputError, match=r"rocev2x1/ecmp: the prober"):
        varied(probed, ECMP)
