"""The RoCEv2 invariant CRC over the inner headers (spec 2.15, section 9 no. 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.compiled import compiled
from mrcnet.mrc.wire.layout import BTH, EXT, ICRC, INNER, UDP

crc32: Callable[..., int]
try:
    from isal.isal_zlib import crc32
except ImportError:
    from zlib import crc32

_ONES = 8  # eight bytes of ones stand before the inner header
_FROM = INNER - _ONES
_SPAN = EXT - _FROM  # ones, inner IPv6, UDP, BTH

Octets = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]


@compiled
def _mask(buffer: Octets, at: int, rows: Rows, kept: Octets) -> None:
    """Make ones of what may change on the way, and of the eight bytes before; `kept` (n, 68) remembers."""
    for number in range(len(rows)):
        row = buffer[rows[number]]
        first = at + _FROM
        for place in range(_SPAN):
            kept[number, place] = row[first + place]
        for place in range(_ONES):
            row[first + place] = 0xFF
        ip = at + INNER
        row[ip] = 0x6F  # spec 2.15 rule 2: traffic class and flow label; the version stays 6
        row[ip + 1] = row[ip + 2] = row[ip + 3] = 0xFF
        row[ip + 7] = 0xFF  # hop limit
        row[at + UDP + 6] = row[at + UDP + 7] = 0xFF  # rule 3: the UDP checksum
        row[at + BTH + 4] = 0xFF  # rule 3: var_res


@compiled
def _restore(buffer: Octets, at: int, rows: Rows, kept: Octets) -> None:
    for number in range(len(rows)):
        row = buffer[rows[number]]
        for place in range(_SPAN):
            row[at + _FROM + place] = kept[number, place]


@compiled
def _store(buffer: Octets, rows: Rows, ends: Rows, values: Rows) -> None:
    """Rule 5: least significant byte first."""
    for number in range(len(rows)):
        row, last = buffer[rows[number]], ends[number]
        for place in range(ICRC):
            row[last - ICRC + place] = values[number] >> 8 * place & 0xFF


@compiled
def _agree(buffer: Octets, at: int, rows: Rows, ends: Rows, values: Rows) -> npt.NDArray[np.bool_]:
    sound = np.empty(len(rows), np.bool_)
    for number in range(len(rows)):
        row, last = buffer[rows[number]], at + ends[number]
        found = np.int64(0)
        for place in range(ICRC):
            found |= np.int64(row[last - ICRC + place]) << 8 * place
        sound[number] = found == values[number]
    return sound


def compute(buffer: Octets, at: int, rows: npt.NDArray[Any], ends: npt.NDArray[Any]) -> Rows:
    """ICRC of frames in `buffer` (n, stride), C-contiguous, whose frames begin at column `at`.

    `rows` (m) picks the frames, `ends` (m) are their lengths including the four ICRC bytes. Returns (m).
    The frames are masked where they stand, for a CRC goes fastest over bytes in one piece, and put right.
    """
    kept = np.empty((len(rows), _SPAN), np.uint8)
    _mask(buffer, at, rows, kept)
    flat = buffer.data.cast("B")
    base = rows * buffer.shape[1] + at
    starts = (base + _FROM).tolist()
    stops = (base + (ends - ICRC)).tolist()
    crc = crc32
    values = np.array([crc(flat[start:stop]) for start, stop in zip(starts, stops, strict=True)], np.int64)
    _restore(buffer, at, rows, kept)
    return values


def seal(buffer: Octets, rows: npt.NDArray[Any], ends: npt.NDArray[Any]) -> None:
    """Compute and write the ICRC of the frames `rows`, which begin at column 0."""
    _store(buffer, rows, ends, compute(buffer, 0, rows, ends))


def check(buffer: Octets, at: int, rows: npt.NDArray[Any], ends: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of the frames `rows` carry the ICRC that their bytes demand; shape (m)."""
    return _agree(buffer, at, rows, ends, compute(buffer, at, rows, ends))
