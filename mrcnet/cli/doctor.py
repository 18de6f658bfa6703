"""`mrcnet doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from mrcnet.cli.command import MakesLab, command
from mrcnet.cli.output import Answer, progress
from mrcnet.errors import ExitCode
from mrcnet.kernel import calibration
from mrcnet.kernel.calibration import Calibration
from mrcnet.kernel.doctor import Check, checks


class Doctor(MakesLab):
    """Tries an ordinary user's labs, too, and tells why there can be none."""

    goes_on = True


@command("mrcnet doctor", "mrcnet doctor --calibrate", cls=Doctor)
@click.option("--calibrate", is_flag=True, help="Measure what this machine carries; takes some seconds.")
def doctor_(calibrate: bool) -> Answer:
    """Check that this machine can carry a lab.

    Features are tried in a scratch namespace, not looked up. Exits with 3 if one is missing that every lab
    needs. Without root it tries an ordinary user's labs, and says what they do without. --calibrate also
    measures packets/s a core over a small lab, for `dilation: auto`; what was measured stays until the next
    boot or calibration.
    """
    progress("trying what a lab needs")
    found = checks()
    ok = all(check.ok or not check.needed for check in found)
    measured = _calibrated() if calibrate and ok else calibration.recall()
    data = {
        "ok": ok,
        "checks": [asdict(check) for check in found],
        "calibration": asdict(measured) if measured else None,
    }
    lines = [_line(check) for check in found] + ([_capacity(measured)] if measured else [])
    return Answer(data, lines, ExitCode.OK if ok else ExitCode.ENVIRONMENT)


def _calibrated() -> Calibration:
    from mrcnet.nic.calibrate import calibrate  # here: checks must also run where NumPy does not

    found = calibrate(lambda what: progress(f"calibrating, {what}"))
    calibration.save(found)
    return found


def _capacity(found: Calibration) -> str:
    return (
        f"calibrated: {found.cores} cores, {found.unshaped_pps:.0f} packets/s each, {found.shaped_pps:.0f}"
        f" where ports have rates, a NIC {found.late_ns / 1e6:.1f} ms late for each host of a core"
    )


def _line(check: Check) -> str:
    remedy = "" if check.ok or not check.remedy else f"\n        remedy: {check.remedy}"
    word = "ok" if check.ok else "MISSING" if check.needed else "absent"
    return f"{word:<8}{check.name}: {check.detail}{remedy}"
