"""SID schemes as data: patterns, what is refused and where, how a topology names one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.errors import InputError
from mrcnet.topology.load import load_text
from mrcnet.topology.scheme import block_pattern, usid_pattern
from mrcnet.topology.schemefile import read_scheme, scheme_called, scheme_of, shipped, with_scheme, word_of

MINE = (
    "block: 'fc00:pppp::/32'\nun: {t0: 1iii, t1: 2iii}\nua: {up: fiii, down: eiii}\ndst: diii\ncarrier: uA\n"
)
FABRIC = "fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\n"


def test_the_same_bits_in_two_spellings() -> None:
    """Four hexadecimal digits and sixteen bits say the same."""
    nibbles, bits = usid_pattern("1pii"), usid_pattern("0001 pppp iiii_iiii")
    for each in (nibbles, bits):
        assert (16, 255, 0x1302) == (each.planes, each.indexes, each.value(3, 2))


@given(st.integers(0, 7), st.integers(1, 1023))
def test_fields_do_not_run_into_each_other(plane: int, index: int) -> None:
    """What is put into the fields of a pattern can be read off its bits."""
    value = usid_pattern("001p ppii iiii iiii").value(plane, index)
    assert (1, plane, index) == (value >> 13, value >> 10 & 7, value & 1023)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("001p ppii iiii iiiii", "has 17 places; a uSID's 16 bits"),
        ("1pi", "has 3 places"),
        ("1pxi", "'x' in '1pxi' is no digit, and no field: those are p (plane) and i (number)"),
        ("i1pi", "the is in 'i1pi' do not stand side by side"),
        ("0012 pppp iiii iiii", "'2' in"),
    ],
)
def test_what_is_no_pattern(text: str, words: str) -> None:
    """A pattern has sixteen bits and two fields at most, each in one piece."""
    with pytest.raises(ValueError, match=r"[a-z]") as refused:
        usid_pattern(text)
    assert words in str(refused.value)


def test_blocks() -> None:
    """A block is for the fabric, or one a plane."""
    assert (1, 0xFCBBBB00) == (
        block_pattern("fcbb:bb00::/32").planes,
        block_pattern("FCBB:BB00::/32").value(0, 0),
    )
    assert (65536, 0xFC000005) == (
        block_pattern("fc00:pppp::/32").planes,
        block_pattern("fc00:pppp::/32").value(5, 0),
    )
    for wrong in ("fc00:pppp::/48", "fc00:piii::/32", "fcbb:bb00:1::/32", "pppp::/32"):
        with pytest.raises(ValueError, match="is not a /32 prefix"):
            block_pattern(wrong)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("un: {t0: 1iii", "un: {t2: 3iii, t0: 1iii"), "mine.yaml:2:6: unknown key 't2' in un"),
        (("t1: 2iii", "t1: 2iiiii"), "mine.yaml:2:20: un.t1: '2iiiii' has 6 places"),
        (("t1: 2iii", "t1: 1iii"), "mine.yaml:2:20: un.t1: '1iii' may be the same uSID as un.t0's '1iii'"),
        (("t1: 2iii", "t1: iiii"), "mine.yaml:2:20: un.t1: 'iiii' is no global uSID"),
        (("t1: 2iii", "t1: '2000'"), "mine.yaml:2:20: un.t1: '2000' has no i, and so one number for all"),
        (("up: fiii", "up: ciii"), "mine.yaml:3:10: ua.up: 'ciii' is no local uSID"),
        (("up: fiii, ", ""), "mine.yaml:3:5: ua: `up` and `down` go together"),
        (
            ("up: fiii, ", "port: e0ii, up: fiii, "),
            "mine.yaml:3:34: ua.down: 'eiii' may be the same uSID as ua.port's",
        ),
        (("up: fiii, down: eiii", "port: eiii"), "mine.yaml:5:10: carrier: a carrier of uAs needs `ua: {up:"),
        (("fc00:pppp", "fc00:1"), "mine.yaml:1:8: block: a carrier of uAs does not name the source's T0"),
        (("carrier: uA", "carrier: uX"), "mine.yaml:5:10: carrier: must be 'uN' or 'uA', not 'uX'"),
        (
            ("carrier: uA", "decap: t0"),
            "mine.yaml:4:6: dst: 'diii' counts hosts, which the T0 tells by the inner",
        ),
        (("dst: diii", "dst: [1, 2]"), "mine.yaml:4:6: dst: must be a pattern like 1pii"),
        (("dst: diii\n", ""), "mine.yaml:1:1: the key 'dst' is missing"),
        (("block", "name: ../x\nblock"), "mine.yaml:1:7: '../x' is not a topology's name"),
    ],
)
def test_what_is_no_scheme(change: tuple[str, str], words: str) -> None:
    """Whatever would make a scheme's uSIDs ambiguous, or lead nowhere, is refused with its place."""
    assert change[0] in MINE
    with pytest.raises(InputError) as refused:
        read_scheme(MINE.replace(*change), "mine.yaml")
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("name", shipped())
def test_a_scheme_reads_back_from_its_text(name: str) -> None:
    """The one line that stands for a scheme in labels and labs makes an equal scheme."""
    scheme = scheme_called(name)
    assert scheme == scheme_of(scheme.text())
    assert name == word_of(scheme)


def test_a_file_is_put_into_the_topology() -> None:
    """A topology that names a file carries what it says from then on; its lines stay where they are."""
    text = FABRIC + "srv6: {scheme: './mine.yaml'}  # of mine\nnonsense: 1\n"
    whole = with_scheme(text, "lab.yaml", lambda word: read_scheme(MINE, word))
    assert "# of mine" in whole
    with pytest.raises(InputError) as refused:
        load_text(whole, "lab.yaml")
    assert str(refused.value).startswith("lab.yaml:3:1: unknown key 'nonsense'")
    srv6 = load_text(whole.replace("nonsense: 1\n", ""), "lab.yaml").srv6
    assert (read_scheme(MINE, "mine.yaml"), "fc00:pppp::/32") == (srv6.scheme, srv6.block)


def test_a_wrong_file_is_named() -> None:
    """What is wrong with a scheme's file is said of that file, not of the topology."""
    with pytest.raises(InputError) as refused:
        with_scheme(
            FABRIC + "srv6: {scheme: mine.yaml}\n",
            "lab.yaml",
            lambda word: read_scheme(MINE.replace("2iii", "2ii"), word),
        )
    assert str(refused.value).startswith("mine.yaml:2:20: un.t1: '2ii' has 3 places")


@pytest.mark.parametrize(
    ("fabric", "scheme", "words"),
    [
        (
            "{planes: 2, t0: 256, t1: 1, hosts_per_t0: 1}",
            "rpii",
            "can tell 255 T0s in a plane apart, not 256",
        ),
        (
            "{planes: 2, t0: 1, t1: 256, hosts_per_t0: 1}",
            "rpii",
            "can tell 255 T1s in a plane apart, not 256",
        ),
        ("{planes: 2, t0: 1, t1: 1, hosts_per_t0: 256}", "rpii", "can tell 255 hosts at a T0 apart, not 256"),
    ],
)
def test_a_scheme_too_small(fabric: str, scheme: str, words: str) -> None:
    """A fabric with more of anything than a scheme can count is refused where it names the scheme."""
    with pytest.raises(InputError) as refused:
        load_text(f"fabric: {fabric}\nsrv6: {{scheme: {scheme}}}\n", "lab.yaml")
    assert str(refused.value).startswith("lab.yaml:2:16: srv6.scheme: the scheme rpii " + words)
    assert "shipped are f3216" in str(refused.value)


def test_a_plane_that_nothing_tells() -> None:
    """A scheme without the plane in block or uSIDs serves one plane, and no more."""
    text = (
        MINE.replace("fc00:pppp", "fc00:1")
        .replace("carrier: uA\n", "")
        .replace("up: fiii, down: eiii", "port: eiii")
    )
    word = read_scheme(text, "mine.yaml").text().replace("'", "''")
    with pytest.raises(InputError, match="can tell 1 planes apart, not 2"):
        load_text(f"{FABRIC}srv6: {{scheme: '{word}'}}\n", "lab.yaml")
    load_text(f"{FABRIC.replace('planes: 2', 'planes: 1')}srv6: {{scheme: '{word}'}}\n", "lab.yaml")
