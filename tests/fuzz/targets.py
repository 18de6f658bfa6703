"""What is fuzzed: a function of bytes each, which may refuse them as it promises, and raise nothing else.

An input that once did otherwise is kept in `found/PARSER/`, and tried first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrcnet.errors import InputError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_GOLDEN = ROOT / "tests" / "golden"
_NO_VARIABLES: Mapping[str, str] = {}


def topology(data: bytes) -> None:
    """A topology file: read and worked out, or refused."""
    from mrcnet.topology.load import load_text

    try:
        load_text(data.decode(errors="replace"), "fuzz.yaml", _NO_VARIABLES)
    except InputError as error:
        str(error)


def drill(data: bytes) -> None:
    """A drill file: read, each choice of its matrix, or refused."""
    from mrcnet.drill.load import load_drills

    try:
        load_drills(data.decode(errors="replace"), "fuzz.yaml", _NO_VARIABLES)
    except InputError as error:
        str(error)


def frame(data: bytes) -> None:
    """Frames to both ends in the middle of a transfer, and to who watches: counted and dropped, or read.

    A byte says to which end and port, and whether lengths and ICRC are to be made right; two how long it is.
    """
    from mrcnet.mrc.wire.reading import read, words
    from tests.sim.test_hostile import feed, fit, seal

    pair, _ = _busy()
    while len(data) > 3:
        how, length = data[0], int.from_bytes(data[1:3], "big") % 2048
        one, data = data[3 : 3 + length], data[3 + length :]
        if how & 4 and len(one) > _HEADERS:
            one = fit(one)
        if how & 8:
            one = seal(one)
        if (packet := read(one, len(one))) is not None:
            words(packet)
        if one:
            feed(pair, how & 1, [(how >> 1 & 1, one)])


_HEADERS = 102


def _busy() -> tuple[Any, list[tuple[int, int, bytes]]]:
    """A small pair in the middle of a transfer, and (sender, port, frame) of each kind that was sent."""
    from tests.sim.test_hostile import KNOBS
    from tests.support.wire import DELAY, Pair

    pair = Pair(KNOBS, planes=2, uplinks=2, memory=1 << 13)
    pair.write(0, 1_500)
    pair.run(until=pair.now + 5 * DELAY // 2)
    pair.write(0, 1_000)
    pair.run(until=pair.now + DELAY // 2)
    assert pair.qp.requestor.outstanding
    kinds = {(flight.sender, flight.opcode, len(flight.data)): flight for flight in pair.flights}
    sent = [(flight.sender, flight.port, flight.data) for flight in kinds.values()]
    pair.flights.clear()
    return pair, sent


@dataclass(frozen=True)
class Target:
    """`parts`: the packages whose branches guide the search; `most`: bytes of an input."""

    one: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    parts: tuple[str, ...]
    most: int


def _topologies() -> Iterator[bytes]:
    for folder in (ROOT / "topologies", _GOLDEN / "input", _GOLDEN / "errors"):
        for file in sorted(folder.glob("*.yaml")):
            yield file.read_bytes()


def _drills() -> Iterator[bytes]:
    for file in sorted((ROOT / "labs").glob("*/*.yaml")):
        yield file.read_bytes()
    for file in sorted((ROOT / "tests" / "unit" / "drill" / "errors").glob("*.yaml")):
        yield file.read_bytes()


def _frames() -> Iterator[bytes]:
    for sender, port, data in _busy()[1]:
        for how in (0, 12):
            yield bytes([how | port << 1 | (1 - sender)]) + len(data).to_bytes(2, "big") + data


_FILES = ("mrcnet.topology", "mrcnet.units", "mrcnet.drill", "yaml")
TARGETS: Mapping[str, Target] = {
    "topology": Target(topology, _topologies, _FILES, 16_384),
    "drill": Target(drill, _drills, _FILES, 16_384),
    "frame": Target(frame, _frames, ("mrcnet.mrc",), 8_192),
}


def found(name: str) -> list[Path]:
    """The inputs that once were too much for a parser."""
    return sorted((HERE / "found" / name).glob("*"))
