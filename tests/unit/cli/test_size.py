"""`mrcnet size`: the answer, its alternatives, and the topology that it writes."""

from __future__ import annotations

from pathlib import Path

from mrcnet.topology.schemefile import scheme_of

from .conftest import Run

FULL = ["size", "--gpus", "131072", "--nic", "800G", "--planes", "8", "--radix", "512"]


def test_the_full_fabric(run: Run) -> None:
    """The JSON has what was asked for, one plane of two to four tiers, and eight planes of three."""
    answer = run(*FULL, "--json").json
    assert (2, [4096, 2048], []) == tuple(answer["asked"][key] for key in ("tiers", "switches", "misfits"))
    found = [(one["planes"], one["tiers"], one["gpus"]) for one in answer["alternatives"]]
    assert [(1, 2, 2048), (1, 3, 65_536), (1, 4, 131_072), (8, 3, 131_072)] == found
    over = answer["alternatives"][1]["asked_over_this"]
    assert {"optics_per_gpu": 0.667, "switches_per_gpu": 0.6} == {key: round(over[key], 3) for key in over}


def test_text_is_a_column_a_fabric(run: Run) -> None:
    """For people every fabric is a column, and every figure a row."""
    lines = run(*FULL).out.splitlines()
    assert ["T0-T1", "link", "0.39%", "3.12%", "3.12%", "3.12%", "0.39%"] in [line.split() for line in lines]


def test_the_topology_it_writes_is_planned(run: Run) -> None:
    """`-o` writes a file of which `plan` has the same sizes and rates."""
    sized = run(
        "size", "--gpus", "32", "--nic", "400G", "--planes", "4", "--radix", "8", "-o", "x.yaml", "--json"
    )
    asked, counts = sized.json["asked"], run("plan", "x.yaml", "--json").json["counts"]
    assert asked["switches"] == [counts["t0"], counts["t1"]]
    assert (32, asked["links"], asked["paths"]) == tuple(
        counts[key] for key in ("hosts", "links", "evs_per_pair")
    )
    assert "rate: 100Gbps" in Path("x.yaml").read_text(encoding="utf-8")


def test_another_scheme(run: Run) -> None:
    """`--scheme` takes a shipped one or a file, says what it cannot count, and is in the topology written."""
    ran = run(*FULL, "--scheme", "rpii")
    assert (1, True) == (ran.code, "the scheme rpii can tell 255 T0s in a plane apart, not 512" in ran.out)
    Path("mine.yaml").write_text(scheme_of("per-plane-uA").text(), encoding="utf-8")
    assert 0 == run(*FULL, "--scheme", "./mine.yaml", "-o", "x.yaml").code
    Path("mine.yaml").unlink()
    routes = run("plan", "x.yaml", "--node", "p7-t1-255", "--json").json["routes"]
    assert ("fc00:7:2100::/48", 1 + 512) == (routes[0]["dst"], len(routes))
    ran = run(*FULL, "--scheme", "./mine.yaml")
    assert (2, True) == (ran.code, "cannot read mine.yaml" in ran.err)


def test_links_in_parallel_become_one(run: Run) -> None:
    """Where a T0 has many links to a T1, the file has one with the rate of all, and capacity stays."""
    run("size", "--gpus", "1000", "--nic", "800G", "--planes", "8", "--radix", "512", "-o", "x.yaml")
    assert "rate: 12.8Tbps" in Path("x.yaml").read_text(encoding="utf-8")
    rows = run("plan", "x.yaml", "--each-link", "--json").json["each_link"]
    assert 0.5 == next(row["of_node"] for row in rows if row["what"] == "T1")


def test_what_usids_cannot_name(run: Run) -> None:
    """A fabric too tall for uSIDs is shown, with the reasons and exit code 1, and no file is written."""
    line = ["size", "--gpus", "1000000", "--nic", "800G", "--planes", "8", "--radix", "512"]
    ran = run(*line)
    assert 1 == ran.code
    assert "error: uSIDs cannot name its paths: 3 tiers; uSIDs have roles for 2" in ran.out.splitlines()
    ran = run(*line, "-o", "x.yaml")
    assert (2, "", False) == (ran.code, ran.out, Path("x.yaml").exists())


def test_wrong_words(run: Run) -> None:
    """What is no rate or no even share is refused with exit code 2."""
    for line in (["--nic", "fast"], ["--nic", "0"], ["--planes", "7"], ["--radix", "511"], ["--gpus", "0"]):
        ran = run(*FULL, *line)
        assert (2, "") == (ran.code, ran.out)
