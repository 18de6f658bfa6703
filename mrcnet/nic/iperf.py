"""iperf3 and MPTCP as programs of this machine: what there is, and how a flow is told to them.

A flow's source is iperf3's server, and sends; its destination is the client, and asks (`-R`). It is the
client that says when a test is over, by a word that overtakes the data, and a server throws away what it has
not read by then: the other way round the end of every flow would be lost, and all of a small one.
"""

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
    """The command at a flow's source. It waits at all addresses, for a subflow may come to any."""
    return [*_program(transport, client=False), "-s", "-1", "-J", "-p", str(port)]


def client(transport: str, flow: Flow, source: str, destination: str, port: int) -> list[str]:
    """The command at a flow's destination; `source` and `destination` are addresses."""
    amount = ["-t", str(_LONG_S)] if flow.size is None else ["-n", str(flow.size)]
    rate = [] if flow.rate_bps is None else ["-b", str(flow.rate_bps)]
    ends = ["-c", source, "-B", destination, "-p", str(port)]
    block = ["-l", str(_block(flow))]
    return [*_program(transport, client=True), "-6", "-J", "-R", *ends, *amount, *rate, *block]


def _block(flow: Flow) -> int:
    """Bytes of one write. Only whole ones are sent: of even ones, less than a byte each is too much."""
    most = min(flow.message, _MOST_BLOCK)
    return most if flow.size is None else -(-flow.size // -(-flow.size // most))


@dataclass(frozen=True, slots=True)
class Told:
    """What a pair of iperf3s has to say at the end: bytes of the flow that came, segments sent again, the
    shortest RTT in ns, the size of a segment, whether all came that was asked for, and what went wrong, if
    anything.
    """

    received: int
    retransmitted: int
    min_rtt: int
    mss: int
    whole: bool
    error: str | None


def told(sender: Path, receiver: Path, size: int | None, *, ended: bool) -> Told:
    """Read the two JSON files of a flow of that size; `ended`: we ended the client, an error to it."""
    ours, theirs = _read(sender), _read(receiver)
    streams: list[dict[str, Any]] = _at(ours, "end", "streams") or [{}]
    stream = streams[0].get("sender", {})
    received = int((_at(theirs, "end", "sum_received") or {}).get("bytes", 0))
    whole = received >= (size or 1)
    error = None
    if not (whole or (ended and received)):
        of = "" if size is None else f" of {size}"
        why = theirs.get("error") or ours.get("error") or "iperf3 gave no reason"
        error = f"{received}{of} bytes came: {why}"
    return Told(
        received=received if size is None else min(received, size),
        retransmitted=int((_at(ours, "end", "sum_sent") or {}).get("retransmits", 0)),
        min_rtt=int(stream.get("min_rtt", 0)) * 1_000,
        mss=int(_at(theirs, "start", "tcp_mss_default") or 1_220),
        whole=whole,
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
