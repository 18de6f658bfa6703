"""What doctor says of a kernel that lacks something."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcnet.kernel import daemons, doctor
from mrcnet.plan.model import Action, Route


def test_what_few_labs_need_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without FRR a machine carries most labs: the check says which do not run, and what installs it."""
    monkeypatch.setattr(daemons, "PROGRAMS", tmp_path)
    found = {check.name: check for check in doctor.checks()}
    assert (False, False) == (found["FRR"].ok, found["FRR"].needed)
    assert "zebra, bfdd, bgpd" in found["FRR"].detail
    assert "routing: bgp need it: apt-get install frr" in found["FRR"].remedy
    assert found["veth"].needed


def test_a_kernel_without_ua_is_told_which_one_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel of 6.1, which has uN but not uA, passes for uN and is told that uA needs 6.6."""

    def older(route: Route) -> None:
        if route.action is Action.UA:
            raise OSError("uA was taken but not kept")

    monkeypatch.setattr(doctor, "_tried", older)
    found = {check.name: check for check in doctor.checks()}
    assert (True, "") == (found["seg6local"].ok, found["seg6local"].remedy)
    assert (False, "uA was taken but not kept") == (found["uA"].ok, found["uA"].detail)
    assert "6.6 or later" in found["uA"].remedy
