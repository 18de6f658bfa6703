"""Errors get the place in the drill file that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mrcnet.errors import InputError, Where


@contextmanager
def at(where: Where | None) -> Iterator[None]:
    """Give an InputError that comes out of the block the place `where`."""
    try:
        yield
    except InputError as error:
        raise InputError(error.message, where=where, remedy=error.remedy) from None
