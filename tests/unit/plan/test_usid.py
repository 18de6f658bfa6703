"""Bits of uSIDs, EVs and carriers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.errors import InputError
from mrcnet.plan.addressing import to_int, to_text
from mrcnet.plan.usid import make_ev, shift, sids_of, split_ev, usids_of
from mrcnet.topology.model import Node, Role
from mrcnet.topology.schemefile import scheme_called

F3216 = scheme_called("f3216")
SIDS = sids_of("fcbb:bb00::/32", F3216)
BLOCK = to_int("fcbb:bb00::/32")
PLANES, INDEXES = st.integers(0, 7), st.integers(0, 1022)


def usid(role: Role, plane: int, index: int) -> int:
    """Of a switch, read off its locator."""
    return to_int(SIDS.locator(Node("any", role, plane, index))) >> 80 & 0xFFFF


def test_usid_bits() -> None:
    """f3216: role in the top three bits, plane in three, index from 1 in ten."""
    assert 0b001_101_0000000011 == usid(Role.T0, 5, 2)
    assert "fcbb:bb00:e007::/48" == SIDS.ua(0, Node("any", Role.T1, 0, 0), 7)


@pytest.mark.parametrize(("plane", "index"), [(8, 1), (0, 1024), (0, 0), (-1, 1)])
def test_a_field_that_does_not_fit_is_refused(plane: int, index: int) -> None:
    """No uSID runs over into a neighbouring field."""
    with pytest.raises(InputError):
        F3216.t0.value(plane, index)


@pytest.mark.parametrize("number", [0, 1024])
def test_local_usids_stay_in_their_range(number: int) -> None:
    """A port number that would leave the local range is refused."""
    with pytest.raises(InputError):
        SIDS.ua(0, Node("any", Role.T1, 0, 0), number)


def test_shift_keeps_the_block() -> None:
    """Spec 6.2: the block stays, the uSIDs move up, zeros follow."""
    before = to_int("fcbb:bb00:201:101:202:905::")
    assert "fcbb:bb00:101:202:905::" == to_text(shift(before))


@given(PLANES, st.integers(1, 1023), st.integers(1, 1023), INDEXES, INDEXES)
def test_carrier_holds_all_its_parts(plane: int, uplink: int, downlink: int, t0: int, dst_t0: int) -> None:
    """Plane in every uSID, uplink in the T1's alone, downlink in the last; and the EV reads back."""
    carrier = SIDS.template(t0, dst_t0).carrier(BLOCK, plane, uplink, downlink)
    found = usids_of(carrier)
    local, host = usid(Role.T0, plane, t0), 3 << 13 | plane << 10 | downlink
    if t0 == dst_t0:
        assert (local, host) == found
        assert SIDS.ev_of(carrier) is None
    else:
        assert (local, usid(Role.T1, plane, uplink - 1), usid(Role.T0, plane, dst_t0), host) == found
        assert make_ev(plane, uplink) == SIDS.ev_of(carrier)


@given(PLANES, st.integers(1, 0xFFFF))
def test_ev_splits_into_what_it_was_made_from(plane: int, uplink: int) -> None:
    """Plane and uplink survive the EV, whose low half, the UDP source port, is never 0."""
    ev = make_ev(plane, uplink)
    assert (plane, uplink) == split_ev(ev)
    assert 0 != ev & 0xFFFF
