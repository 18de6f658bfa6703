"""Every rule of the digest is built and tested, or is left out for a reason; and marks are read aright."""

from __future__ import annotations

import pytest

from tests.spec.coverage import Rule, marks, rules


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule.rule))
def test_every_rule_has_its_marks(rule: Rule) -> None:
    """A rule that is not left out is marked in the code and in a test."""
    assert rule.covered, f"{rule.rule} ({rule.name}): {rule.code} marks in code, {rule.tests} in tests"


def test_what_is_left_out_is_not_built() -> None:
    """A rule does not stay on the list of what is left out once the code speaks of it."""
    assert [] == [rule.rule for rule in rules() if rule.left_out and rule.code]


def test_no_section_is_forgotten() -> None:
    """The list has every section of chapters 2 to 5."""
    sections = [rule.rule for rule in rules() if rule.rule.count(".") == 1]
    lengths = {2: 16, 3: 9, 4: 8, 5: 9}
    assert [f"{part}.{n}" for part, last in lengths.items() for n in range(1, last + 1)] == sections


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# spec 3.3: at once", ["3.3"]),
        ("(spec 2.7, 5.2): wraps", ["2.7", "5.2"]),
        ("spec 5.2 to 5.5", ["5.3", "5.4", "5.2", "5.5"]),
        ("spec 2.7, 2.9-2.11: plain structs", ["2.10", "2.7", "2.9", "2.11"]),
        ("spec 3.1 step 5, nominal", ["3.1", "3.1.5"]),
        ("spec 6.3, steps 2 and 3: copy", ["6.3", "6.3.2", "6.3.3"]),
        ("spec 5.3, spec 5.5 rule 3", ["5.3", "5.5", "5.5.3"]),
        ("spec 3.1 step 1, 4.5", ["3.1", "3.1.1", "4.5"]),
        ("spec 2.3, section 9 no. 2", ["2.3"]),
        ("in spectral 3.3 or version 3.3", []),
    ],
)
def test_marks_are_read(text: str, found: list[str]) -> None:
    """A mark names its sections, ranges and numbered rules; other numbers are not marks."""
    assert found == list(marks(text))
