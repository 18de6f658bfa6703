"""Where EVs come from, and what a controller may do with them (spec 4.1, 4.3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.events import EvChanged, MessageCompleted
from mrcnet.mrc.evs import EvPath, State
from mrcnet.mrc.profile import (
    LIFE,
    FieldSpec,
    Mode,
    Profile,
    ProfileState,
    auto_paths,
    generate,
    generated_paths,
)
from mrcnet.mrc.settings import Settings
from tests.support.weather import Outage, Weather, writes_on
from tests.support.wire import Pair, ev_paths

from .parts import ev_set

LOCATOR = FieldSpec(0xFCBB_BB00, 32)
# spec 6.3, "Build": uSID = role 3 | plane 3 | index 10
T0 = FieldSpec(0x2001, 16)
T1 = FieldSpec(0x4000, 16, mask=0x03FF, least=1, most=3)
PLANE = FieldSpec(0x0000, 16, mask=0x1C00, least=0, most=1)
REST = FieldSpec(0, 48)


@st.composite
def fields(draw: st.DrawFn) -> FieldSpec:
    width = draw(st.integers(1, 16))
    mask = draw(st.integers(0, (1 << width) - 1))
    start = draw(st.integers(0, (1 << width) - 1))
    bounds = draw(st.tuples(*[st.integers(0, (1 << mask.bit_count()) - 1)] * 2).map(sorted))
    return FieldSpec(start, width, mask, *bounds)


@given(st.lists(fields(), min_size=1, max_size=3))
def test_bits_fill_the_mask_and_leave_the_rest(given_fields: list[FieldSpec]) -> None:
    """A value keeps the start's bits outside the mask, and holds the EV's inside, most significant first."""
    width = sum(field.width for field in given_fields)
    made = list(generate(given_fields, 50))
    for one in made:
        value, ev = f"{one.value:0{width}b}", ""
        for field in given_fields:
            part, value = value[: field.width], value[field.width :]
            mask, start = f"{field.mask:0{field.width}b}", f"{field.start:0{field.width}b}"
            ev += "".join(bit for bit, masked in zip(part, mask, strict=True) if masked == "1")
            kept = [(bit, was) for bit, was, m in zip(part, start, mask, strict=True) if m == "0"]
            assert all(bit == was for bit, was in kept)
        assert one.ev == int(ev or "0", 2)
    assert len(made) == len({one.value for one in made})


def test_the_sample_of_the_interface() -> None:
    """STEV 8/4/4: each field runs from its least to its most value, the first is the slowest (spec 4.1)."""
    sample = (FieldSpec(0, 8, 0xFF, 1, 2), FieldSpec(0, 4, 0xF, 3, 4), FieldSpec(5, 4))
    expected = [(0x13, 0x0135), (0x14, 0x0145), (0x23, 0x0235), (0x24, 0x0245)]
    assert expected == [(one.ev, one.value) for one in generate(sample, 99)]
    assert expected[:3] == [(one.ev, one.value) for one in generate(sample, 3)]


@pytest.mark.parametrize("bad", [(4, 2, 0, 0, 0), (0, 2, 4, 0, 0), (0, 4, 3, 0, 4), (0, 4, 3, 2, 1)])
def test_fields_that_cannot_be(bad: tuple[int, ...]) -> None:
    """Start and mask fit the width, the values fit the mask and are in order."""
    with pytest.raises(ValueError, match="must fit"):
        FieldSpec(*bad)


def test_generated_carriers() -> None:
    """SRv6: locator and uSIDs make a carrier; the plane's field chooses the port."""
    paths = generated_paths((LOCATOR, T0, T1, PLANE, REST), 3, {0: 7, 1: 8}, 100)
    assert 6 == len(paths)
    assert {(0, 7), (1, 8)} == {(path.plane, path.port) for path in paths}
    assert bytes.fromhex("fcbbbb00 2001 4001 0400") + bytes(6) == paths[1].carrier
    with pytest.raises(ValueError, match="plane 1 has no port"):
        generated_paths((LOCATOR, T0, T1, PLANE, REST), 3, {0: 7}, 100)
    with pytest.raises(ValueError, match="128 bits"):
        generated_paths((LOCATOR, T0), 0, {0: 7}, 100)


@given(st.integers(1, 300), st.integers(1, 8), st.integers(0, 99))
def test_auto(count: int, planes: int, seed: int) -> None:
    """ECMP EVs: 16 bits, never 0, none twice, equally many in each plane."""
    rng = np.random.default_rng(seed)
    paths = auto_paths(count, {p: p for p in range(planes)}, {p: bytes(16) for p in range(planes)}, rng)
    values = {path.ev for path in paths}
    assert count == len(values)
    assert min(values) > 0
    assert max(values) < 1 << 16
    shares = np.bincount([path.plane for path in paths], minlength=planes)
    assert shares.max() - shares.min() <= 1


def test_a_profiles_life() -> None:
    """INIT, OFFLINE, ONLINE and back to OFFLINE; nothing else (spec 4.1)."""
    for old in ProfileState:
        for new in ProfileState:
            profile = Profile(Mode.EXPLICIT, ev_paths(1, 1))
            profile.state = old
            if (old, new) in LIFE:
                profile.move(new)
                assert new == profile.state
            else:
                with pytest.raises(ValueError, match="cannot go"):
                    profile.move(new)


def test_replace_in_a_profile() -> None:
    """EXPLICIT profiles are written one by one, and keep their size; others are not written."""
    paths = ev_paths(1, 3)
    profile = Profile(Mode.EXPLICIT, paths)
    fresh = EvPath(99, 0, 0, bytes(16))
    profile.replace(paths[1].ev, fresh)
    assert (paths[0], fresh, paths[2]) == profile.paths
    with pytest.raises(ValueError, match="already"):
        profile.replace(paths[0].ev, fresh)
    with pytest.raises(KeyError):
        profile.replace(paths[1].ev, fresh)
    with pytest.raises(ValueError, match="generated"):
        Profile(Mode.GENERATED, paths).replace(paths[0].ev, fresh)
    for wrong in ((), (fresh, fresh)):
        with pytest.raises(ValueError, match="profile"):
            Profile(Mode.EXPLICIT, wrong)


# ---- the controller and a QP (spec 4.1, 4.3) ----------------------------------------------------


def used(pair: Pair, since: int = 0) -> set[int]:
    return {flight.ev for flight in pair.flights[since:] if flight.is_write}


def test_a_denylist_before_the_start() -> None:
    """Denied EVs carry nothing from the first packet on; a backup has their place (spec 4.1)."""
    pair = Pair(Settings(payload=64, backup_share=0.5), planes=2, uplinks=4)
    denied = (pair.qp.evs.paths[0].ev, pair.qp.evs.paths[5].ev)
    spec = replace(pair.qp.spec, denied=denied)
    pair.ends[0].disconnect(0x100, pair.now)
    qp = pair.ends[0].connect(spec)
    assert [2, 2] == np.bincount(qp.evs.plane[qp.evs.active]).tolist()
    pair.write(0, 64 * 200)
    pair.finish()
    assert used(pair).isdisjoint(denied)
    assert {State.DENIED} == {row.state for row in qp.query() if row.ev in denied}


def test_deny_and_allow() -> None:
    """DENIED is entered and left by the controller only; the EV carries nothing in between (spec 4.3)."""
    pair = Pair(Settings(payload=64, backup_share=0.0), planes=1, uplinks=4)
    ev = pair.qp.evs.paths[2].ev
    pair.qp.deny(ev, pair.now)
    pair.write(0, 64 * 100)
    pair.finish()
    mark = len(pair.flights)
    assert ev not in used(pair)
    pair.qp.allow(ev, pair.now)
    pair.write(0, 64 * 100)
    pair.finish()
    assert ev in used(pair, mark)
    moves = [(e.old, e.new) for e in pair.seen(EvChanged) if e.ev == ev]
    assert [("GOOD", "DENIED"), ("DENIED", "GOOD")] == moves
    with pytest.raises(ValueError, match="not in the set"):
        pair.qp.deny(12345, pair.now)


def test_replace_a_bad_path_in_a_running_qp() -> None:
    """A path that eats packets is replaced by another of its plane, which carries data at once."""
    bad = ev_paths(1, 4)[1]
    pair = Pair(
        Settings(payload=64, backup_share=0.0),
        planes=1,
        uplinks=4,
        fate=Weather(outages=[Outage(writes_on(bad.ev))]),
    )
    pair.write(0, 64 * 100)
    pair.finish()
    assert State.ASSUMED_BAD == pair.qp.query()[1].state
    fresh = EvPath(77, 0, 0, bytes(range(16)))
    pair.qp.replace(bad.ev, fresh, pair.now)
    mark = len(pair.flights)
    pair.write(0, 64 * 100)
    pair.finish()
    assert {77} == used(pair, mark) - {path.ev for path in ev_paths(1, 4)}
    assert bad.ev not in used(pair, mark)
    carriers = {flight.data[38:54] for flight in pair.flights[mark:] if flight.ev == 77}
    assert {fresh.carrier} == carriers
    assert [0, 1] == [e.message for e in pair.seen(MessageCompleted)]


def test_replacements_that_cannot_be() -> None:
    """Another plane, or a value that stands there already, is refused and changes nothing."""
    evs, _ = ev_set(planes=2, uplinks=2)
    before = evs.query()
    with pytest.raises(ValueError, match="of plane 1"):
        evs.replace(0, EvPath(9, 1, 1, bytes(16)), 0)
    with pytest.raises(ValueError, match="already"):
        evs.replace(0, replace(evs.paths[1]), 0)
    assert before == evs.query()
