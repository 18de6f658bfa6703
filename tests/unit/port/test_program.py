"""The program's object is what its source says, and its maps are laid out as Python reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from mrcnet.plan.queues import Queue
from mrcnet.port.config import config_of, wall_rate
from mrcnet.port.maps import CONFIG_FIELDS, FAULT_FIELDS
from mrcnet.port.model import FIXED_POINT, UNLIMITED, PortCounters

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "mrcnet" / "port" / "port.bpf.c"
OBJECT = SOURCE.with_suffix(".o")
BUILT_WITH = b"Debian clang version 14.0.6"


def test_object_is_built_from_the_source(tmp_path: Path) -> None:
    """Whoever builds the object anew, with the compiler that built it, gets the same bytes."""
    if shutil.which("clang") is None:
        pytest.skip("there is no clang")
    if BUILT_WITH not in subprocess.run(["clang", "--version"], capture_output=True, check=True).stdout:
        pytest.skip("another clang than the one that built the object")
    subprocess.run([ROOT / "scripts" / "build-bpf", tmp_path / "port.o"], check=True)
    assert OBJECT.read_bytes() == (tmp_path / "port.o").read_bytes()


def members(name: str) -> list[str]:
    """The members of a struct of the source, in order."""
    found = re.search(rf"struct {name} {{(.*?)\n}};", SOURCE.read_text(), re.DOTALL)
    assert found is not None
    words = re.sub(r"//.*", "", found[1])
    return re.findall(r"\w+", words.replace("u64", ""))


def test_rows_are_laid_out_alike() -> None:
    """The structs of the source have the fields that Python reads, in their order."""
    assert [*CONFIG_FIELDS, *FAULT_FIELDS] == members("port")
    assert [field.name.removesuffix("_at") for field in fields(PortCounters)] == members("counts")


def test_rates_are_dilated_and_depths_are_not() -> None:
    """At dilation 1000 a byte of a 100 Gb/s port takes 80 ns; its thresholds stay."""
    queue = Queue(10**11, 4238, False, 100, 200, None, 128, 300, None)
    config = config_of(queue, 1000)
    assert 12_500_000 == wall_rate(queue, 1000)
    assert 80 << FIXED_POINT == config.byte_time
    assert (100, 200, UNLIMITED, 300, UNLIMITED) == (
        *(config.ecn_min, config.ecn_max, config.trim),
        *(config.drop, config.control_drop),
    )


def test_the_last_hop_trims_with_a_mark_of_its_own() -> None:
    """spec 2.14: DSCP_TRIMMED_LASTHOP where the trim happens on a host-facing port."""
    codes = [
        config_of(Queue(10**9, 1, last, None, None, 1, 128, None, None), 1).trim_dscp
        for last in (False, True)
    ]
    assert [12, 14] == codes
