"""`mrcnet step` on the simulator: what it says, and what it does not take."""

from __future__ import annotations

import json

import pytest

from .conftest import Run

SIM = ("--on", "sim", "--topo", "2p-2t0-2t1")
MODEL = "layers=1,hidden=32,heads=2,vocab=64,batch=1,sequence=16"


def test_a_step(run: Run) -> None:
    """Megatron on four ranks: its calls are counted, and every element is right."""
    ran = run("step", "megatron", *SIM, "--tp", "2", "--dp", "2", "--model", MODEL, "--json")
    assert 0 == ran.code
    result = json.loads(ran.out)
    assert ({"all-reduce": 10}, 0, True) == (result["calls"], result["wrong"], result["verified"])
    assert result["time_us"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("zero-3", "--model", "layers=two"), "layers is a whole number"),
        (("zero-3", "--model", "width=2"), "'width' is none of"),
        (("zero-3", "--model", "layers=2"), "hidden, heads, vocab, batch, sequence missing"),
        (("zero-3", "--model", MODEL + ",dtype=bf17"), "unknown dtype"),
        (("megatron", "--model", MODEL), "are 1 ranks, not 4"),
        (("zero-4",), "zero-4"),
    ],
)
def test_wrong_input(run: Run, words: tuple[str, ...], said: str) -> None:
    """What cannot be run is refused with code 2 and a reason."""
    ran = run("step", *words[:1], *SIM, *words[1:])
    assert 2 == ran.code
    assert said in ran.err
