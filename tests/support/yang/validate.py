"""ConfigDB against SONiC's published YANG, by yangson. What that imports are stand-ins, in this folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.schemas import schema

HERE = Path(__file__).parent
LISTS = {  # table -> module, its list, the names of its keys
    "PORT": ("sonic-port", "PORT_LIST", ("name",)),
    "SRV6_MY_LOCATORS": ("sonic-srv6", "SRV6_MY_LOCATORS_LIST", ("locator_name",)),
    "SRV6_MY_SIDS": ("sonic-srv6", "SRV6_MY_SIDS_LIST", ("locator", "ip_prefix")),
    "STATIC_ROUTE": ("sonic-static-route", "STATIC_ROUTE_LIST", ("vrf_name", "prefix")),
}
MODULES = {
    "ietf-inet-types": ("2013-07-15", "urn:ietf:params:xml:ns:yang:ietf-inet-types", "import"),
    "sonic-port": ("2019-07-01", "http://github.com/sonic-net/sonic-port", "implement"),
    "sonic-vrf": ("2021-04-13", "http://github.com/sonic-net/sonic-vrf", "implement"),
    "sonic-srv6": ("2024-12-05", "http://github.com/sonic-net/sonic-srv6", "implement"),
    "sonic-static-route": ("2022-03-17", "http://github.com/sonic-net/sonic-static-route", "implement"),
}


class Yang:
    """The model of one release; `srv6` is the file of its sonic-srv6."""

    def __init__(self, folder: Path, srv6: str) -> None:
        yangson = pytest.importorskip("yangson", reason="yangson is not installed")
        for source, name in (
            (schema(f"sonic/{srv6}"), "sonic-srv6"),
            (schema("sonic/sonic-static-route.yang"), "sonic-static-route"),
            *((HERE / f"{name}.yang", name) for name in ("ietf-inet-types", "sonic-port", "sonic-vrf")),
        ):
            revision = MODULES[name][0]
            (folder / f"{name}@{revision}.yang").write_text(
                source.read_text(encoding="utf-8"), encoding="utf-8"
            )
        library = {
            "ietf-yang-library:modules-state": {
                "module-set-id": "sonic",
                "module": [
                    {"name": name, "revision": revision, "namespace": namespace, "conformance-type": how}
                    for name, (revision, namespace, how) in MODULES.items()
                ],
            }
        }
        self.model: Any = yangson.DataModel(json.dumps(library), (str(folder),))

    def check(self, config_db: dict[str, dict[str, dict[str, str]]]) -> None:
        """Raise yangson's error if the tables that the model knows are not valid."""
        raw: dict[str, Any] = {}
        for table, rows in config_db.items():
            if table in LISTS:
                module, name, keys = LISTS[table]
                entries = [
                    dict(zip(keys, key.split("|"), strict=True)) | _typed(fields)
                    for key, fields in rows.items()
                ]
                raw.setdefault(f"{module}:{module}", {})[table] = {name: entries}
        self.model.from_raw(raw).validate()

    def check_instance(self, instance: dict[str, Any]) -> None:
        """The same for data in the form of SONiC's own tests."""
        self.model.from_raw(instance).validate()


def _typed(fields: dict[str, str]) -> dict[str, Any]:
    """JSON has numbers where ConfigDB has text."""
    return {key: int(value) if value.isdecimal() else value for key, value in fields.items()}
