"""Links that lose, repeat, change, hold back or delay frames do so as often as told, and count it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mrcnet.errors import InputError
from mrcnet.sim.model import Impairment, PortModel
from mrcnet.workload.books import PortBooks
from tests.sim.fabric.parts import FRAME, Net, end

US = 1_000
UPLINK = "p0-t0-0:eth3"
COUNT = 400
ALONE = 4 * 9 * US


def run(impairment: Impairment, count: int = COUNT, seed: int = 1) -> Net:
    net = Net(model=PortModel(ecn_min=100, ecn_max=200, drop=1_000), seed=seed)
    net.fabric.impair(end(UPLINK), impairment)
    net.send("h0", "h2", [FRAME] * count, ev=0)
    net.run(ALONE + (count + 50) * 8 * US, 8 * US)
    return net


def port(net: Net) -> PortBooks:
    return next(books for books in net.fabric.books().ports if books.port == UPLINK)


def test_loss() -> None:
    """Of 400 frames a fifth is lost, give or take what chance allows, and each is counted."""
    net = run(Impairment(loss=0.2))
    lost = COUNT - len(net.out)
    assert 50 < lost < 110
    assert [(UPLINK, "loss", lost)] == net.drops()


def test_all_lost_or_none() -> None:
    """A share of 1 loses every frame, and the impairment that does nothing loses none."""
    assert [] == run(Impairment(loss=1.0)).out
    assert COUNT == len(run(Impairment()).out)


def test_duplicates() -> None:
    """Copies come besides the frames that they are copies of, byte for byte."""
    net = run(Impairment(duplicate=1.0), count=10)
    assert sorted([*range(10), *range(10)]) == sorted(net.numbers())
    books = net.fabric.books()
    assert (10, 10, 20, True) == (books.sent, books.duplicated, books.delivered, books.balanced)
    assert 10 == port(net).duplicated
    by_number: dict[int, set[bytes]] = {}
    for number, (_, _, _, frame) in zip(net.numbers(), net.out, strict=True):
        by_number.setdefault(number, set()).add(frame)
    assert all(len(frames) == 1 for frames in by_number.values())


def test_corruption() -> None:
    """A corrupted frame differs in one byte behind its Ethernet header, and comes where it was to go."""
    whole = [frame for _, _, _, frame in run(Impairment()).out]
    net = run(Impairment(corrupt=1.0))
    assert COUNT == len(net.out) == port(net).corrupted
    for turn, (_, host, _, frame) in enumerate(net.out):
        wrong = [at for at, (one, other) in enumerate(zip(whole[turn], frame, strict=True)) if one != other]
        assert 1 == len(wrong)
        assert wrong[0] >= 14
        assert "h2" == host


def test_reordering() -> None:
    """Frames that are held back come later than those behind them; none is missing."""
    net = run(Impairment(reorder=0.3, reorder_ns=20 * US))
    numbers = net.numbers()
    assert list(range(COUNT)) == sorted(numbers)
    overtaken = sum(one > other for one, other in pairwise(numbers))
    assert 60 < overtaken
    assert 90 < port(net).reordered < 150


def test_delay() -> None:
    """Every frame is late by the delay, and their order stays."""
    net = Net()
    net.fabric.impair(end(UPLINK), Impairment(delay_ns=5 * US))
    net.send("h0", "h2", [FRAME] * 2)
    net.run(100 * US)
    assert [ALONE + 5 * US, ALONE + 13 * US] == net.instants()


def test_only_this_port_and_only_until_it_ends() -> None:
    """Other ports, and the port itself afterwards, carry everything."""
    net = Net()
    net.fabric.impair(end(UPLINK), Impairment(loss=1.0))
    net.send("h0", "h2", [FRAME], ev=1)
    net.send("h2", "h0", [FRAME], ev=0)
    net.run(100 * US)
    assert 2 == len(net.out)
    net.fabric.impair(end(UPLINK), Impairment())
    net.send("h0", "h2", [FRAME], ev=0, at=100 * US)
    net.run(200 * US)
    assert 3 == len(net.out)


def test_one_seed_one_fate() -> None:
    """The same seed loses the same frames, another seed others."""
    lossy = Impairment(loss=0.3)
    assert run(lossy, seed=1).numbers() == run(lossy, seed=1).numbers()
    assert run(lossy, seed=1).numbers() != run(lossy, seed=2).numbers()


@pytest.mark.parametrize("wrong", [{"loss": 1.5}, {"duplicate": -0.1}, {"delay_ns": -1}, {"reorder_ns": -1}])
def test_an_impairment_that_cannot_be(wrong: dict[str, float]) -> None:
    """Shares beyond 0 and 1, and deliveries before their time, are refused."""
    with pytest.raises(InputError):
        Impairment(**wrong)  # type: ignore[arg-type]
