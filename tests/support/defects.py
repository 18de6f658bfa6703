"""Ten defects of each kind of configuration, to be sown in a rendered 2p-2t0-2t1, and what lint must say.

There the uNs of plane 0 are 2001 and 2002 (T0), 4001 and 4002 (T1), and 6001 and 6002 lead to a T0's hosts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrcnet.plan.model import Plan
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.model import Nos, Wish

Edit = Callable[[str], str]
BLOCK = "fcbb:bb00"


@dataclass(frozen=True, slots=True)
class Defect:
    """What is changed in which file; the code that lint must give, and the file and line that it must name.

    `line`: what stands on that line. `named`: the file, if it is not the changed one.
    """

    name: str
    file: str
    edit: Edit
    code: str
    line: str
    named: str | None = None


def swap(*pairs: tuple[str, str]) -> Edit:
    """Put texts in the place of others that must be there."""

    def edit(text: str) -> str:
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        return text

    return edit


def row(table: str, key: str, fields: dict[str, str] | None, *, was: str | None = None) -> Edit:
    """Set a row of ConfigDB, or take it out; `was`: the key that it replaces."""

    def edit(text: str) -> str:
        tables: dict[str, dict[str, Any]] = json.loads(text)
        gone = key if was is None else was
        assert gone in tables[table] or fields is not None
        old = tables[table].pop(gone, {})
        if fields is not None:
            tables[table][key] = {**old, **fields}
        return json.dumps(tables, indent=2)

    return edit


def both(*edits: Edit) -> Edit:
    """One after the other."""

    def edit(text: str) -> str:
        for one in edits:
            text = one(text)
        return text

    return edit


T0, FAR_T0, T1, OTHER_T1, HOST = (
    f"nodes/{name}/" for name in ("p0-t0-0", "p0-t0-1", "p0-t1-0", "p0-t1-1", "h0")
)
UP = f"ipv6 route {BLOCK}:4001::/48 fe80::b eth3\n"
DECAP = f"route replace {BLOCK}:6001::/48 encap seg6local action End.DT6 table 255 dev eth1 proto static\n"

FRR = (
    Defect("no way up", T0 + "frr.conf", swap((UP, "")), "no-route", f"{BLOCK}:4002::/48 fe80::b eth4"),
    Defect(
        "out of another port", T0 + "frr.conf", swap((UP, UP.replace("eth3", "eth4"))), "wrong-way", "4001"
    ),
    Defect(
        "nobody's address",
        T0 + "frr.conf",
        swap((UP, UP.replace("fe80::b", "fe80::c"))),
        "wrong-next-hop",
        "fe80::c",
    ),
    Defect(
        "another block",
        T1 + "frr.conf",
        swap((f"{BLOCK}:4001::/48 ", "fcbb:bb01:4001::/48 ")),
        "wrong-block",
        "fcbb:bb01:4001",
    ),
    Defect(
        "no uN",
        T1 + "frr.conf",
        swap((f"   sid {BLOCK}:4001::/48 locator MAIN behavior uN\n", "")),
        "no-un",
        f"prefix {BLOCK}:4001",
    ),
    Defect(
        "no decap",
        HOST + "setup.sh",
        swap((DECAP, "")),
        "no-decap",
        f"{BLOCK}:6001::/48 fe80::a eth1",
        T0 + "frr.conf",
    ),
    Defect(
        "a uN twice",
        OTHER_T1 + "frr.conf",
        swap((f"{BLOCK}:4002::/48 ", f"{BLOCK}:4001::/48 ")),
        "duplicate-sid",
        "behavior uN",
    ),
    Defect("no such port", T0 + "frr.conf", swap((UP, UP.replace("eth3", "eth33"))), "no-port", "eth33"),
    Defect(
        "no way back",
        T1 + "frr.conf",
        swap((f"ipv6 route {BLOCK}:2002::/48 fe80::a eth2\n", "")),
        "asymmetric",
        f"{BLOCK}:4001::/48",
        FAR_T0 + "frr.conf",
    ),
    Defect(
        "decap at the switch",
        T0 + "frr.conf",
        swap(
            (f"ipv6 route {BLOCK}:6001::/48 fe80::a eth1\n", ""),
            (
                "  static-sids\n",
                f"  static-sids\n   sid {BLOCK}:6001::/48 locator MAIN behavior uDT6 vrf default\n",
            ),
        ),
        "early-decap",
        "behavior uDT6",
    ),
)

DB = "config_db.json"
SONIC = (
    Defect("no way up", T0 + DB, row("STATIC_ROUTE", f"default|{BLOCK}:4001::/48", None), "no-route", "4002"),
    Defect(
        "out of another port",
        T0 + DB,
        row("STATIC_ROUTE", f"default|{BLOCK}:4001::/48", {"ifname": "Ethernet12"}),
        "wrong-way",
        "4001",
    ),
    Defect(
        "nobody's address",
        T0 + DB,
        row("STATIC_ROUTE", f"default|{BLOCK}:4001::/48", {"nexthop": "fe80::c"}),
        "wrong-next-hop",
        "4001",
    ),
    Defect(
        "another block",
        T1 + DB,
        both(
            row("SRV6_MY_LOCATORS", "MAIN", {"prefix": "fcbb:bb01:4001::"}),
            row("SRV6_MY_SIDS", "MAIN|fcbb:bb01:4001::/48", {}, was=f"MAIN|{BLOCK}:4001::/48"),
        ),
        "wrong-block",
        "fcbb:bb01:4001",
    ),
    Defect("no uN", T1 + DB, row("SRV6_MY_SIDS", f"MAIN|{BLOCK}:4001::/48", None), "no-un", '"prefix"'),
    Defect("no decap", HOST + "setup.sh", swap((DECAP, "")), "no-decap", f"{BLOCK}:6001::/48", T0 + DB),
    Defect(
        "a SID beside its locator",
        T0 + DB,
        row("SRV6_MY_LOCATORS", "MAIN", {"prefix": f"{BLOCK}:2009::"}),
        "sid-outside-locator",
        f"MAIN|{BLOCK}:2001",
    ),
    Defect(
        "no such port",
        T0 + DB,
        row("STATIC_ROUTE", f"default|{BLOCK}:4001::/48", {"ifname": "Ethernet2"}),
        "no-port",
        "4001",
    ),
    Defect(
        "no way back",
        T1 + DB,
        row("STATIC_ROUTE", f"default|{BLOCK}:2002::/48", None),
        "asymmetric",
        "4001",
        FAR_T0 + DB,
    ),
    Defect(
        "a port that is off",
        T0 + DB,
        row("PORT", "Ethernet8", {"admin_status": "down"}),
        "shutdown",
        "admin_status",
    ),
)


def sow(plan: Plan, nos: Nos, folder: Path, defect: Defect | None) -> None:
    """Render into a folder with one defect, or none. SONiC's go without frr.conf: ConfigDB alone speaks."""
    for file in render_containerlab(plan, Wish(nos)):
        if nos is Nos.SONIC and file.path.endswith("frr.conf"):
            continue
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        text = file.text if defect is None or defect.file != file.path else defect.edit(file.text)
        assert defect is None or defect.file != file.path or text != file.text
        path.write_text(text, encoding="utf-8")


def found(defect: Defect, folder: Path, remarks: list[dict[str, Any]]) -> bool:
    """Whether lint names the defect with its file and line. `remarks` as in `mrcnet lint --json`."""
    for remark in remarks:
        path = Path(remark["file"])
        if remark["code"] == defect.code and path.is_relative_to(folder / (defect.named or defect.file)):
            line = path.read_text(encoding="utf-8").splitlines()[remark["line"] - 1]
            if defect.line in line and remark["severity"] == "error":
                return True
    return False
