"""A collective over a real lab: its ranks sit in several processes, and NumPy agrees with all of them."""

from __future__ import annotations

from tests.netns.fabric import NEEDS_ROOT, running
from tests.netns.traffic import mrcnet, topology

pytestmark = NEEDS_ROOT


def test_all_reduce() -> None:
    """Every element of every rank is right over the kernel, by ring and by tree, MRC and RoCEv2."""
    with running(topology("2p-2t0-2t1")) as (name, _):
        for words in (["--size", "64KiB..256KiB"], ["--algorithm", "tree", "--transport", "rocev2x4"]):
            code, result, _ = mrcnet("collective", name, "-n", "2", *words)
            assert 0 == code
            assert {(0, True)} == {(row["wrong"], row["verified"]) for row in result["rows"]}
            assert all(row["time_us"] > 0 for row in result["rows"])
            assert ["h0", "h1", "h2", "h3"] == result["ranks"]
