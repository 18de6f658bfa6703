"""The little of Markdown that is written by programs."""

from __future__ import annotations


def row(*cells: str) -> str:
    """A row of a table."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def fence(language: str, *lines: str) -> list[str]:
    """A block."""
    return [f"```{language}", *lines, "```"]
