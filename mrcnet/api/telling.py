"""How this room says what goes on: it prints nothing itself."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[str], None]


def silent(_: str) -> None:
    """Tells nobody."""
