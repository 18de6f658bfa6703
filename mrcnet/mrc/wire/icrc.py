"""The RoCEv2 invariant CRC over the inner headers (spec 2.15, section 9 no. 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.memory import pick
from mrcnet.mrc.wire.layout import BTH, EXT, ICRC, INNER, UDP

crc32: Callable[..., int]
try:
    from isal.isal_zlib import crc32
except ImportError:
    from zlib import crc32

_PREFIX = 8
_HEAD = _PREFIX + EXT - INNER  # eight bytes of ones, inner IPv6, UDP, BTH


def masked_heads(heads: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Inner IPv6, UDP and BTH (n, 60) -> the same behind eight ones, variant fields set to ones (n, 68)."""
    masked = np.empty((len(heads), _HEAD), np.uint8)
    masked[:, :_PREFIX] = 0xFF
    masked[:, _PREFIX:] = heads
    ip = _PREFIX
    masked[:, ip] = 0x6F  # spec 2.15 rule 2: traffic class and flow label; the version stays 6
    masked[:, ip + 1 : ip + 4] = 0xFF
    masked[:, ip + 7] = 0xFF  # hop limit
    udp = ip + UDP - INNER
    masked[:, udp + 6 : udp + 8] = 0xFF  # rule 3: the UDP checksum
    masked[:, ip + BTH - INNER + 4] = 0xFF  # rule 3: var_res
    return masked


def compute(
    buffer: npt.NDArray[np.uint8], at: int, rows: npt.NDArray[Any], ends: npt.NDArray[Any]
) -> npt.NDArray[np.uint32]:
    """ICRC of frames in `buffer` (n, stride), C-contiguous, whose frames begin at column `at`.

    `rows` (m) picks the frames, `ends` (m) are their lengths including the four ICRC bytes. Returns (m).
    """
    stride = buffer.shape[1]
    heads = masked_heads(buffer[pick(rows), at + INNER : at + EXT]).data.cast("B")
    flat = buffer.data.cast("B")
    base = rows * stride + at
    starts = (base + EXT).tolist()
    stops = (base + ends - ICRC).tolist()
    head_at = range(0, len(rows) * _HEAD, _HEAD)
    crc = crc32
    return np.array(
        [
            crc(flat[start:stop], crc(heads[head : head + _HEAD]))
            for head, start, stop in zip(head_at, starts, stops, strict=True)
        ],
        np.uint32,
    )


def seal(buffer: npt.NDArray[np.uint8], rows: npt.NDArray[Any], ends: npt.NDArray[Any]) -> None:
    """Compute and write the ICRC of the frames `rows`, which begin at column 0."""
    values = compute(buffer, 0, rows, ends).astype("<u4")
    if (column := _column(buffer, 0, rows, ends)) is not None:
        column[:] = values
    else:
        buffer.reshape(-1)[_places(buffer, 0, rows, ends)] = values.view(np.uint8).reshape(-1, ICRC)


def check(
    buffer: npt.NDArray[np.uint8], at: int, rows: npt.NDArray[Any], ends: npt.NDArray[Any]
) -> npt.NDArray[np.bool_]:
    """Which of the frames `rows` carry the ICRC that their bytes demand; shape (m)."""
    values = compute(buffer, at, rows, ends)
    stored = _column(buffer, at, rows, ends)
    if stored is None:
        found = buffer.reshape(-1)[_places(buffer, at, rows, ends)]
        stored = np.ascontiguousarray(found).view("<u4")[:, 0]
    return np.asarray(stored == values)


def _column(
    buffer: npt.NDArray[np.uint8], at: int, rows: npt.NDArray[Any], ends: npt.NDArray[Any]
) -> npt.NDArray[Any] | None:
    """The ICRC fields as a view, least significant byte first (rule 5), of adjoining frames of one length."""
    first, chosen = int(ends[0]), pick(rows)
    if isinstance(chosen, slice) and (ends == first).all():
        stop = at + first
        return np.asarray(buffer[chosen, stop - ICRC : stop].view("<u4")[:, 0])
    return None


def _places(
    buffer: npt.NDArray[np.uint8], at: int, rows: npt.NDArray[Any], ends: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Flat positions of the ICRC bytes of any frames, (m, 4)."""
    first = rows * buffer.shape[1] + at + ends - ICRC
    return np.asarray(first[:, None] + np.arange(ICRC))
