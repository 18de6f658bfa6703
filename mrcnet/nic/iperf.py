"""iperf3 and MPTCP as programs of this machine: what there is, and how a flow is told to them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mrcnet.errors import EnvironmentFault
from mrcnet.workload.flow import Flow
from mrcnet.workload.transport import MPTCP

_IPPROTO_MPTCP = 262
FIRST_PORT = 5201
_LONG_S = 86_400  # a flow of a duration is ended by a signal
_MOST_BLOCK = 1 << 20  # iperf3's own limit


def demand(transport: str) -> str:
    """Which iperf3 carries the transport. EnvironmentFault, with the remedy, if something is missing."""
    path = shutil.which("iperf3")
    if path is None:
        raise EnvironmentFault(
            f"{transport} runs by iperf3, which is missing", remedy="apt-get install iperf3"
        )
    if transport == MPTCP:
        try:
            socket.socket(socket.AF_INET6, socket.SOCK_STREAM, _IPPROTO_MPTCP).close()
        except OSError as error:
            raise EnvironmentFault(
                f"this kernel has no MPTCP: {error.strerror}", remedy="a kernel with CONFIG_MPTCP_IPV6"
            ) from None
        if not _speaks_mptcp() and shutil.which("mptcpize") is None:
            raise EnvironmentFault(
                "this iperf3 has no --mptcp (3.18 has), and mptcpize is missing",
                remedy="apt-get install mptcpize",
            )
    return path


@cache
def _speaks_mptcp() -> bool:
    said = subprocess.run(["iperf3", "--help"], capture_output=True, text=True, check=False)
    return "--mptcp" in said.stdout + said.stderr


def _program(transport: str, *, client: bool) -> list[str]:
    if transport != MPTCP:
        return ["iperf3"]
    if _speaks_mptcp():
        return ["iperf3", "--mptcp"] if client else ["iperf3"]  # a server of 3.18 takes both
    return ["mptcpize", "run", "iperf3"]


def server(transport: str, port: int) -> list[str]:
    """The command that waits for one client, at all addresses: a subflow may come to any."""
    return [*_program(transport, client=False), "-s", "-1", "-J", "-p", str(port)]


def client(transport: str, flow: Flow, source: str, address: str, port: int) -> list[str]:
    """The command that sends a flow to its server."""
    amount = ["-t", str(_LONG_S)] if flow.size is None else ["-n", str(flow.size)]
    rate = [] if flow.rate_bps is None else ["-b", str(flow.rate_bps)]
    block = ["-l", str(min(flow.message, _MOST_BLOCK))]
    ends = ["-c", address, "-B", source, "-p", str(port)]
    return [*_program(transport, client=True), "-6", "-J", *ends, *amount, *rate, *block]


@dataclass(frozen=True, slots=True)
class Told:
    """What a pair of iperf3s has to say at the end: bytes that came, segments sent again, the shortest RTT in
    ns, the size of a segment, and what went wrong, if anything.
    """

    received: int
    retransmitted: int
    min_rtt: int
    mss: int
    error: str | None


def told(sender: Path, receiver: Path, *, ended: bool) -> Told:
    """Read the two JSON files; `ended`: we ended the client, which it calls an error."""
    ours, theirs = _read(sender), _read(receiver)
    streams: list[dict[str, Any]] = _at(ours, "end", "streams") or [{}]
    stream = streams[0].get("sender", {})
    received = int((_at(theirs, "end", "sum_received") or {}).get("bytes", 0))
    error = None if ended else ours.get("error") or (None if received else theirs.get("error") or "no result")
    return Told(
        received=received,
        retransmitted=int((_at(ours, "end", "sum_sent") or {}).get("retransmits", 0)),
        min_rtt=int(stream.get("min_rtt", 0)) * 1_000,
        mss=int(_at(ours, "start", "tcp_mss_default") or 1_220),
        error=error,
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        return {}


def _at(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
