"""Patterns: who writes to whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.errors import ExitCode, InputError
from mrcnet.workload.patterns import PATTERNS, pairs

HOSTS = [f"h{number}" for number in range(5)]
groups = st.integers(2, 40).map(lambda count: [f"h{number}" for number in range(count)])
seeds = st.integers(0, 1 << 32)


def test_pair_is_first_to_last() -> None:
    """A pair is one flow, from the first host named to the last."""
    assert [("h3", "h1")] == pairs("pair", ["h3", "h0", "h1"], 1)


def test_ring_goes_round_in_the_order_given() -> None:
    """Every host writes to its neighbour, the last to the first."""
    assert [("h2", "h0"), ("h0", "h1"), ("h1", "h2")] == pairs("ring", ["h2", "h0", "h1"], 1)


def test_incast_is_all_to_the_first() -> None:
    """All hosts but the first write to the first."""
    assert [("h0", "h2"), ("h1", "h2")] == pairs("incast", ["h2", "h0", "h1"], 1)


@given(groups, seeds)
def test_permutation(hosts: list[str], seed: int) -> None:
    """In a permutation every host writes once, hears once, and never to or from itself."""
    found = pairs("permutation", hosts, seed)
    assert sorted(hosts) == sorted(src for src, _ in found)
    assert sorted(hosts) == sorted(dst for _, dst in found)
    assert all(src != dst for src, dst in found)


def test_permutation_is_the_seeds() -> None:
    """The same seed gives the same permutation, and seeds differ."""
    hosts = [f"h{number}" for number in range(16)]
    assert pairs("permutation", hosts, 7) == pairs("permutation", hosts, 7)
    assert 1 < len({tuple(pairs("permutation", hosts, seed)) for seed in range(8)})


@given(groups)
def test_all_to_all(hosts: list[str]) -> None:
    """All to all is every ordered pair once."""
    found = pairs("all-to-all", hosts, 1)
    assert {(one, other) for one in hosts for other in hosts if one != other} == set(found)
    assert len(hosts) * (len(hosts) - 1) == len(found)


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
@pytest.mark.parametrize("hosts", [[], ["h0"]], ids=["none", "one"])
def test_too_few_hosts(pattern: str, hosts: list[str]) -> None:
    """Traffic with fewer than two hosts is refused with a remedy, whatever the pattern."""
    with pytest.raises(InputError, match=f"needs two hosts, there is {len(hosts)}") as refused:
        pairs(pattern, hosts, 1)
    assert ExitCode.USAGE == refused.value.exit_code
    assert refused.value.remedy


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_host_named_twice(pattern: str) -> None:
    """A host that is named twice would write to itself: refused."""
    with pytest.raises(InputError, match="named twice"):
        pairs(pattern, ["h0", "h1", "h0"], 1)
