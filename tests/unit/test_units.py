"""Quantities read as people write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.units import (
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_share,
    parse_size,
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_rate, "100Gbps", 100 * 10**9),
        (parse_rate, "2.5 gbps", 2_500_000_000),
        (parse_rate, "400Mbit/s", 400 * 10**6),
        (parse_rate, 1000, 1000),
        (parse_share, "1%", 0.01),
        (parse_share, "0.5", 0.5),
        (parse_size, "64MiB", 64 * 2**20),
        (parse_size, "9KB", 9000),
        (parse_size, "4096", 4096),
        (parse_duration, "500ns", 500),
        (parse_duration, "1.5s", 1_500_000_000),
        (parse_duration, "5us", 5000),
        (parse_duration, "5µs", 5000),
        (parse_duration, "2min", 120 * 10**9),
    ],
)
def test_a_quantity_is_read(parse: Callable[[str | int], int], text: str | int, value: int) -> None:
    """Unit, case and space are read as written; a bare number is in the base unit."""
    assert value == parse(text)


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (parse_rate, "fast", "100Gbps"),
        (parse_rate, "100GB", "unknown unit 'GB'"),
        (parse_rate, "-1Gbps", "is not a rate"),
        (parse_rate, "1e9", "is not a rate"),
        (parse_rate, True, "is not a rate"),
        (parse_size, "64MBs", "unknown unit"),
        (parse_size, "1.5", "whole number"),
        (parse_size, "", "is not a size"),
        (parse_duration, "0.5ns", "whole number"),
        (parse_duration, "5 parsecs", "unknown unit 'parsecs'"),
    ],
)
def test_a_wrong_quantity_is_refused_with_an_example(
    parse: Callable[[str | int], int], text: str | int, words: str
) -> None:
    """What is no such quantity is refused, and the refusal says what one looks like."""
    with pytest.raises(ValueError, match=r"written like|write it like") as refused:
        parse(text)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("format_", "value", "text"),
    [
        (format_rate, 100e9, "100Gbps"),
        (format_rate, 0, "0bps"),
        (format_rate, 1_234_567, "1.235Mbps"),
        (format_size, 64 * 2**20, "64MiB"),
        (format_size, 1, "1B"),
        (format_duration, 1_500_000, "1.5ms"),
        (format_duration, -2000, "-2us"),
    ],
)
def test_a_quantity_is_shown(format_: Callable[[float], str], value: float, text: str) -> None:
    """Numbers are shown with the largest unit that fits and four digits."""
    assert text == format_(value)


@given(st.integers(0, 999), st.sampled_from(["ns", "us", "ms"]))
def test_what_is_shown_reads_back(number: int, unit: str) -> None:
    """A duration of few digits survives being shown and read."""
    value = parse_duration(f"{number}{unit}")
    assert value == parse_duration(format_duration(value))
