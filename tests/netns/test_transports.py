"""Other transports than MRC over a real lab: the same command, the same check of every byte."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.netns.fabric import ALONE, running
from tests.netns.traffic import mrcnet, topology

pytestmark = ALONE


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    """A small lab that the tests only send over."""
    with running(topology("2p-2t0-2t1")) as (name, _):
        yield name


@pytest.mark.parametrize("transport", ["rocev2", "rocev2x4", "rocev2x16", "spray"])
def test_every_byte(lab: str, transport: str) -> None:
    """Every byte of a ring arrives over the kernel, right, and the result names its transport."""
    words = ("--pattern", "ring", "--size", "1MiB", "--message", "16KiB", "--transport", transport)
    code, result, _ = mrcnet("traffic", lab, *words)
    assert 0 == code
    assert transport == result["transport"]
    assert result["verified"]
    assert (4 << 20, 0) == (result["bytes"], result["packets"]["lost"])
    for flow in result["flows"]:
        assert 256 <= flow["packets"]["delivered"]


def test_one_qp_one_plane(lab: str) -> None:
    """A RoCEv2 QP keeps to its path: all of one flow comes in one plane."""
    words = ("--hosts", "h0,h3", "--size", "1MiB", "--transport", "rocev2")
    code, result, complaint = mrcnet("traffic", lab, *words)
    assert 0 == code, complaint
    assert [0, 1 << 20] == sorted(plane["bytes"] for plane in result["planes"])
