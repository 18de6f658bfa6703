"""`mrcnet collective` on the simulator: the table, and what it does not take."""

from __future__ import annotations

import json

import pytest

from .conftest import Run

SIM = ("collective", "--on", "sim", "--topo", "2p-2t0-2t1", "-n", "1")


def test_the_table_is_nccl_tests(run: Run) -> None:
    """A row for each size of the range, with the columns of nccl-tests, and the same by --json."""
    ran = run(*SIM, "--size", "4KiB..64KiB")
    assert 0 == ran.code
    _, head, *rows, last = ran.out.splitlines()
    columns = ["size (B)", "count", "type", "redop", "time (us)", "algbw (GB/s)", "busbw (GB/s)", "#wrong"]
    assert columns == [word.strip() for word in head.split("  ") if word.strip()]
    assert [["4096", "1024"], ["16384", "4096"], ["65536", "16384"]] == [row.split()[:2] for row in rows]
    assert "every element right" == last


def test_bandwidths_are_nccl_tests(run: Run) -> None:
    """algbw is size over time, busbw 2(n-1)/n of it for an all-reduce of n ranks."""
    ran = run(*SIM, "--size", "64KiB", "--ranks", "h0,h1,h3", "-w", "0", "--json")
    row = json.loads(ran.out)["rows"][0]
    assert row["algbw"] == pytest.approx((64 << 10) / row["time_us"] / 1e3)
    assert row["busbw"] == pytest.approx(row["algbw"] * 4 / 3)
    assert [row["time_us"]] == row["times_us"]
    assert ("sum", 0) == (row["redop"], row["wrong"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--size", "64KiB..4KiB"), "is no range of sizes"),
        (("--size", "much"), "much"),
        (("--ranks", "h0"), "needs two ranks"),
        (("--ranks", "h0,h0"), "named twice"),
        (("--ranks", "h0,h9"), "'h9' is no host"),
        (("--algorithm", "spiral"), "there is ring and tree"),
        (("--collective", "all-gather", "--algorithm", "tree"), "all-gather has no algorithm 'tree'"),
        (("--size", "8"), "2 elements over 4 ranks"),
        (("--size", "2GiB"), "memories would take"),
        (("--outstanding", "0"), "x>=1"),
    ],
)
def test_wrong_input(run: Run, words: tuple[str, ...], said: str) -> None:
    """What cannot be run is refused with code 2 and a reason."""
    ran = run(*SIM, *words)
    assert 2 == ran.code
    assert said in ran.err


def test_loss_is_the_simulators(run: Run) -> None:
    """A lab's links are made to lose by another command, which the refusal names."""
    ran = run("collective", "nowhere", "--loss", "1%")
    assert 2 == ran.code
    assert "mrcnet fault" in ran.err
