"""Per-packet loops, compiled by numba when first called and kept on disk, and the bytes that they read.

A rule that judges packets one after the other is a plain loop over the batch's columns, at the speed of C.
Loops call each other only; whole numbers are int64 throughout (a 64-bit address wraps, as in C). Bounds are
checked with NUMBA_BOUNDSCHECK=1 only, as the tests run: an index beyond a column is an error there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Loop = TypeVar("Loop", bound=Callable[..., Any])
Octets = npt.NDArray[np.uint8]


_KEPT = 3  # folders of other sources, or with bounds checked


def keep(package: Path) -> bool:
    """Choose where compiled loops stay: beside the source if one may write there, else in the user's cache.

    False if neither can be written: then every process compiles for itself. The name of the folder is a
    digest of all sources, for numba itself would miss a change in another file.
    """
    sources = [(str(file), file.stat().st_mtime_ns) for file in sorted(package.rglob("*.py"))]
    checked = os.environ.get("NUMBA_BOUNDSCHECK", "")
    digest = hashlib.sha256(repr((sources, checked)).encode()).hexdigest()[:16]
    home = package / "__pycache__"
    if not os.access(home if home.exists() else package, os.W_OK):
        try:
            home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mrcnet"
        except RuntimeError:  # a user without a home
            return False
    wanted = home / f"loops-{digest}"
    if not wanted.exists():
        for old in sorted(home.glob("loops-*"), key=lambda folder: folder.stat().st_mtime)[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    with contextlib.suppress(OSError):
        wanted.mkdir(parents=True, exist_ok=True)
    if not os.access(wanted, os.W_OK):
        return False
    numba.config.CACHE_DIR = str(wanted)  # type: ignore[attr-defined]
    return True


_KEPT_ON_DISK = keep(Path(__file__).parent)


def compiled(loop: Loop) -> Loop:
    """Compile a loop for the kinds of columns that it is called with."""
    return cast(Loop, numba.njit(cache=_KEPT_ON_DISK, nogil=True)(loop))


@compiled
def get16(row: Octets, at: int) -> int:
    """Two bytes, big endian."""
    return np.int64(row[at]) << 8 | np.int64(row[at + 1])  # type: ignore[return-value]


@compiled
def get24(row: Octets, at: int) -> int:
    """Three bytes, big endian."""
    return np.int64(row[at]) << 16 | get16(row, at + 1)  # type: ignore[return-value]


@compiled
def get32(row: Octets, at: int) -> int:
    """Four bytes, big endian."""
    return get16(row, at) << 16 | get16(row, at + 2)


@compiled
def get64(row: Octets, at: int) -> int:
    """Eight bytes, big endian; from 2^63 on it is negative."""
    return get32(row, at) << 32 | get32(row, at + 4)


@compiled
def put16(row: Octets, at: int, value: int) -> None:
    """Two bytes, big endian."""
    row[at] = value >> 8 & 0xFF
    row[at + 1] = value & 0xFF


@compiled
def put32(row: Octets, at: int, value: int) -> None:
    """Four bytes, big endian."""
    put16(row, at, value >> 16)
    put16(row, at + 2, value)


@compiled
def put64(row: Octets, at: int, value: int) -> None:
    """Eight bytes, big endian."""
    put32(row, at, value >> 32)
    put32(row, at + 4, value)


@compiled
def same(row: Octets, at: int, octets: Octets) -> bool:
    """Whether `octets` stand there."""
    for number in range(len(octets)):  # noqa: SIM110 - what numba compiles best
        if row[at + number] != octets[number]:
            return False
    return True


@compiled
def copy(target: Octets, at: int, source: Octets, start: int, size: int) -> None:
    """Bytes from `source` to `target`, as a loop: slices of arrays are assigned ten times as slowly."""
    into, out_of = target[at : at + size], source[start : start + size]
    for number in range(size):
        into[number] = out_of[number]
