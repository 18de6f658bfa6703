"""`mrcnet doctor`."""

from __future__ import annotations

from dataclasses import asdict

from mrcnet.cli.command import command
from mrcnet.cli.output import Answer, progress
from mrcnet.errors import ExitCode
from mrcnet.kernel.doctor import Check, checks


@command("mrcnet doctor")
def doctor_() -> Answer:
    """Check that this machine can carry a lab.

    Features are tried in a scratch namespace, not looked up. Exits with 3 if one is missing.
    """
    progress("trying what a lab needs")
    found = checks()
    ok = all(check.ok for check in found)
    data = {"ok": ok, "checks": [asdict(check) for check in found]}
    return Answer(data, map(_line, found), ExitCode.OK if ok else ExitCode.ENVIRONMENT)


def _line(check: Check) -> str:
    remedy = "" if check.ok or not check.remedy else f"\n        remedy: {check.remedy}"
    return f"{'ok' if check.ok else 'MISSING':<8}{check.name}: {check.detail}{remedy}"
