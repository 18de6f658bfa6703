"""Which rules of the MRC digest have marks in the code and in the tests.

A mark is the word `spec` and a section's number, in a comment or a docstring; more sections may follow
after a comma, `and`, `to` or a dash, and a `step` or `rule` after it names a rule inside the section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES = Path(__file__).with_name("rules.yaml")
CODE, TESTS = ROOT / "mrcnet", ROOT / "tests"

_NUMBER = r"\d\.\d+"
_INNER = r",? (?:steps?|rules?) (\d(?:(?:, | and )\d(?![.\d]))*)"
_MARK = re.compile(rf"\bspec {_NUMBER}(?:{_INNER}|(?:, | and | to |-)(?:spec )?{_NUMBER})*")
_PART = re.compile(rf"({_NUMBER})(?:{_INNER})?")
_RANGE = re.compile(r"(\d)\.(\d+)(?: to |-)(?:spec )?(\d)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: how many marks it has where, or why it is left out."""

    rule: str
    name: str
    left_out: str | None
    code: int
    tests: int

    @property
    def covered(self) -> bool:
        """It is marked on both sides, or is left out with its reason."""
        return bool(self.left_out) or (self.code > 0 and self.tests > 0)


def marks(text: str) -> Iterator[str]:
    """The ids of all rules that a text marks, as often as it does."""
    for found in _MARK.finditer(text):
        span = found.group()
        for first, low, last, high in _RANGE.findall(span):
            if first == last:
                yield from (f"{first}.{number}" for number in range(int(low) + 1, int(high)))
        for section, inner in _PART.findall(span):
            yield section
            yield from (f"{section}.{number}" for number in re.findall(r"\d+", inner))


@cache
def counted(folder: Path) -> Mapping[str, int]:
    """{id: marks} in all Python files below `folder`, but those that speak of marks themselves."""
    counts: dict[str, int] = {}
    for file in sorted(folder.rglob("*.py")):
        if file.parent != RULES.parent:
            for rule in marks(file.read_text(encoding="utf-8")):
                counts[rule] = counts.get(rule, 0) + 1
    return counts


def rules() -> list[Rule]:
    """All rules, in the order of the digest."""
    table: dict[str, Any] = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    found = []
    for rule, said in table.items():
        entry = said if isinstance(said, dict) else {"name": said}
        left_out = entry.get("left_out")
        found.append(
            Rule(rule, entry["name"], left_out, counted(CODE).get(rule, 0), counted(TESTS).get(rule, 0))
        )
    return found
