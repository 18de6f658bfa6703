"""Errors say whose fault it is, where, and what to do."""

from __future__ import annotations

import pytest

from mrcnet.errors import (
    CheckFailed,
    EnvironmentFault,
    ExitCode,
    InputError,
    MrcnetError,
    PartialError,
    Where,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(MrcnetError, 1), (CheckFailed, 1), (InputError, 2), (EnvironmentFault, 3), (PartialError, 4)],
)
def test_each_fault_has_its_exit_code(kind: type[MrcnetError], code: int) -> None:
    """Scripts tell a failed check, wrong input, a wrong machine and a half-made lab apart by number."""
    assert code == kind("x").exit_code
    assert ExitCode(code) is kind("x").exit_code


@pytest.mark.parametrize(
    ("where", "text"),
    [(Where("a.yaml", 3, 7), "a.yaml:3:7"), (Where("a.yaml"), "a.yaml")],
)
def test_a_place_reads_like_a_compilers(where: Where, text: str) -> None:
    """Editors can jump to file:line:column; an unknown line is left out."""
    assert text == str(where)


def test_an_error_gives_place_message_and_remedy() -> None:
    """All that the user needs stands in the error's text."""
    error = InputError("bad unit", where=Where("a.yaml", 3, 7), remedy="write 100Gbps")
    assert "a.yaml:3:7: bad unit\n  remedy: write 100Gbps" == str(error)


def test_an_error_without_place_or_remedy_is_its_message() -> None:
    """Nothing stands around a message that has no place and no remedy."""
    assert "no such lab" == str(InputError("no such lab"))
