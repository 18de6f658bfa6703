"""Whatever links do to frames, every frame is somewhere: sent = delivered + dropped by name + in flight."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mrcnet.plan.target import find_link
from mrcnet.sim.model import Impairment, PortModel
from mrcnet.workload.books import Books, Drop
from tests.sim.fabric.parts import CONTROL, DATA, FRAME, SMALL, Net, end

US = 1_000
PORTS = ["h0:eth1", "p0-t0-0:eth3", "p0-t0-0:eth4", "p0-t1-0:eth2", "p0-t0-1:eth1", "p0-t0-0:eth1"]
LINKS = ["p0-t0-0:p0-t1-0", "p0-t0-1:p0-t1-1", "h0:p0-t0-0"]
shares = st.sampled_from([0.0, 0.1, 0.5, 1.0])
impairments = st.builds(
    Impairment,
    loss=shares,
    duplicate=shares,
    corrupt=shares,
    reorder=shares,
    reorder_ns=st.sampled_from([0, 5 * US, 100 * US]),
    delay_ns=st.sampled_from([0, 7 * US]),
)
models = st.builds(
    PortModel,
    trim=st.sampled_from([None, 0.05, 0.2]),
    trim_lasthop=st.sampled_from([None, 0.1]),
    drop=st.sampled_from([0.1, 0.5, 3.0]),
    control_drop=st.sampled_from([0.1, 1.0]),
)
acts = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(["h0", "h1", "h2"]), st.integers(1, 20), st.booleans()),
        st.tuples(st.just("impair"), st.sampled_from(PORTS), impairments, st.none()),
        st.tuples(st.just("cut"), st.sampled_from(LINKS), st.booleans(), st.none()),
        st.tuples(st.just("heal"), st.sampled_from(LINKS), st.none(), st.none()),
    ),
    min_size=1,
    max_size=12,
)


@given(models, acts, st.integers(1, 60), st.integers(0, 1 << 16))
def test_books_balance_at_every_instant(
    model: PortModel, schedule: list[tuple[str, str, object, object]], pause: int, seed: int
) -> None:
    """Any loss, duplication, trimming, cuts and heals: the books balance after each act, and nothing is in
    flight when all is over.
    """
    net = Net(model=model, seed=seed)
    now = 0
    for what, where, how, urgent in schedule:
        link = find_link(net.plan, where) if what in ("cut", "heal") else None
        if what == "send":
            assert isinstance(how, int)
            dst = "h3" if where == "h2" else "h2"
            sizes = [FRAME, SMALL] * how
            net.send(where, dst, sizes, at=now, ev=how % 2, traffic_class=CONTROL if urgent else DATA)
        elif what == "impair":
            assert isinstance(how, Impairment)
            net.fabric.impair(end(where), how)
        elif what == "cut" and link is not None:
            net.fabric.cut(link, now, silent=bool(how))
        elif link is not None:
            net.fabric.heal(link)
        net.fabric.advance(now + pause * US)
        now += pause * US
        for _ in net.fabric.collect(now):
            pass
        assert net.fabric.books().balanced
    net.fabric.advance(now + 100_000 * US)
    for _ in net.fabric.collect(now + 100_000 * US):
        pass
    books = net.fabric.books()
    assert books.balanced
    assert 0 == books.in_flight
    assert not net.fabric.busy


def test_a_frame_that_is_missing_is_seen() -> None:
    """Books that do not balance say so."""
    books = Books(sent=10, duplicated=1, delivered=8, in_flight=1, drops=(Drop("a:b", "loss", 2),), ports=())
    assert books.balanced
    assert not replace(books, delivered=7).balanced
    assert not replace(books, drops=()).balanced


def test_in_flight() -> None:
    """A frame counts as in flight from its sending to its arrival."""
    net = Net()
    net.send("h0", "h2")
    assert 1 == net.fabric.books().in_flight
    net.run(35 * US)
    assert (1, 0) == (net.fabric.books().in_flight, net.fabric.books().delivered)
    net.run(36 * US, 36 * US)
    assert (0, 1) == (net.fabric.books().in_flight, net.fabric.books().delivered)
