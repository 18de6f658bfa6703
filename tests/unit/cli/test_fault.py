"""What `fault` refuses before it looks at any lab."""

from __future__ import annotations

import pytest

from .conftest import Run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("cut", "--all"), "--all goes with heal, not with cut"),
        (("heal", "--all", "--silent"), "--silent goes with cut, not with heal"),
        (("x", "heal", "h0:p0-t0-0", "--all"), "write [LAB] heal --all"),
        (("--all",), "write [LAB] heal --all"),
        (("x", "mend", "h0:p0-t0-0"), "write [LAB] ACTION A:B"),
        (("x", "loss", "h0:p0-t0-0"), "loss needs --share"),
    ],
)
def test_words_that_make_no_sense(run: Run, words: tuple[str, ...], told: str) -> None:
    """What does not go together is refused with what would."""
    ran = run("fault", *words)
    assert 2 == ran.code
    assert told in ran.err
