"""The arithmetic of fabrics, against the published figures and against plans."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from mrcnet.errors import InputError
from mrcnet.plan.capacity import losses
from mrcnet.plan.lint import check_carriers
from mrcnet.plan.parts import Parts, counts_of
from mrcnet.plan.sizing import Size, alternatives, capacity, size
from mrcnet.topology.load import read_text
from mrcnet.topology.scheme import Lists
from mrcnet.topology.schemefile import scheme_of, word_of
from mrcnet.topology.schemefile import shipped as schemes

G = 10**9
UN_AND_UA = replace(scheme_of("per-plane-uA"), name="mine", lists=Lists.UN)  # uAs that no carrier lists


def full() -> Size:
    """131 072 GPUs on eight planes of 512-port switches."""
    return size(131_072, 800 * G, 8, 512)


def test_the_full_fabric() -> None:
    """Two tiers are enough, and 131 072 GPUs are just what they hold."""
    found = full()
    assert (2, (4096, 2048), 256) == (found.tiers, found.switches, found.hosts_per_t0)
    assert (2_097_152, 524_288, 2048, 3) == (found.links, found.optics, found.paths, found.hops)
    assert (8192, 57_343, 4, (1025, 1025)) == (found.usids, found.usids_of, found.carrier, found.entries)
    assert () == found.misfits
    assert (131_072, 3) == (capacity(512, 2), size(131_073, 800 * G, 8, 512).tiers)


def test_what_the_paper_says_of_three_tiers() -> None:
    """It takes 2/3 of three tiers' optics and 3/5 of their switches a GPU; 3 hops are left of 5 to 7."""
    asked = full()
    three = [one for one in alternatives(asked) if one.tiers == 3]
    assert [(1, 65_536), (8, 131_072)] == [(one.planes, one.gpus) for one in three]
    for one in three:
        assert Fraction(2, 3) == Fraction(asked.optics, asked.gpus) / Fraction(one.optics, one.gpus)
        switches = Fraction(sum(asked.switches), asked.gpus), Fraction(sum(one.switches), one.gpus)
        assert Fraction(3, 5) == switches[0] / switches[1]
    assert {3, 5, 7} == {one.hops for one in alternatives(asked)}


def test_what_the_paper_says_of_failures() -> None:
    """A T0-T1 link is 0.4 % of a node on eight planes and 3 % on one; a NIC's port is an eighth, or all."""
    asked, single = full(), alternatives(full())[0]
    assert (1 / 256, 1 / 32) == (asked.lost_link, single.lost_link)
    assert (1 / 8, 1.0) == (asked.lost_port, single.lost_port)


@pytest.mark.parametrize("scheme", [*schemes(), "both"])
@pytest.mark.parametrize(("gpus", "planes", "radix"), [(2048, 8, 64), (128, 4, 16), (32, 2, 8), (18, 1, 6)])
def test_the_plan_agrees(gpus: int, planes: int, radix: int, scheme: str) -> None:
    """A plan of the same shape has as many switches, links and EVs, as large tables, and loses as much."""
    chosen = UN_AND_UA if scheme == "both" else scheme_of(scheme)
    found = size(gpus, planes * 100 * G, planes, radix, scheme=chosen)
    assert () == found.misfits
    t0, t1 = found.per_plane
    shape = f"{{planes: {planes}, t0: {t0}, t1: {t1}, hosts_per_t0: {found.hosts_per_t0}}}"
    srv6 = json.dumps({"scheme": word_of(chosen)})
    parts = Parts(read_text(f"name: x\nfabric: {shape}\nsrv6: {srv6}\n", "x"))
    assert parts.fabric is not None
    sizes = counts_of(parts.fabric)
    assert (gpus, found.switches, found.links) == (sizes.hosts, (sizes.t0, sizes.t1), sizes.links)
    assert found.paths == sizes.evs_per_pair
    assert found.entries == tuple(len(parts.node(name).routes) for name in ("p0-t0-0", "p0-t1-0"))
    lost = {loss.what: loss.of_node for loss in losses(parts.leaves())}
    expected = (found.lost_link, found.lost_port, found.lost_t0, found.lost_t1)
    assert pytest.approx(expected) == tuple(lost[what] for what in ("T0-T1 link", "host link", "T0", "T1"))
    assert found.carrier == len(parts.sids.template(0, t0 - 1).usids)
    assert [] == list(check_carriers(parts.sids, parts.t0_indexes()))


def test_small_fabrics_spread_uplinks_evenly() -> None:
    """Two T1s of 512 ports take all uplinks of four T0s; of three T0s, they have ports to spare."""
    assert [(32, 16), (24, 16)] == [size(gpus, 800 * G, 8, 512).switches for gpus in (1000, 700)]
    assert ((8,), None) == (size(100, 800 * G, 8, 512).switches, size(100, 800 * G, 8, 512).lost_link)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"planes": 16}, "the scheme f3216 can tell 8 planes apart, not 16"),
        ({"switches": (8192, 4096)}, "the scheme f3216 can tell 1023 T0s in a plane apart, not 1024"),
        ({"radix": 1024}, "the scheme f3216 can tell 1023 ports of a switch apart, not 1024"),
        ({"carrier": 8}, "8 uSIDs in a carrier; 6 fit"),
        ({"usids": 60_000}, "60000 uSIDs in a block; there are 57343"),
        ({"tiers": 3}, "3 tiers; uSIDs have roles for 2"),
    ],
)
def test_what_usids_cannot_name(change: dict[str, int], words: str) -> None:
    """Each limit of the scheme is named when it is passed."""
    assert words in replace(full(), **change).misfits  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ((1000, 800 * G, 7, 512), "7 planes cannot share a NIC of 800Gbps evenly"),
        ((1000, 800 * G, 8, 511), "cannot have half of them lead up"),
        ((10**9, 800 * G, 8, 16), "4 tiers of 16-port switches hold 8192 GPUs, not 1000000000"),
    ],
)
def test_what_cannot_be_built(question: tuple[int, int, int, int], words: str) -> None:
    """What no Clos can be is refused, with a way out."""
    with pytest.raises(InputError, match=words) as refused:
        size(*question)
    assert refused.value.remedy
