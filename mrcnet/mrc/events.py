"""What an end point reports: typed records with fabric time in nanoseconds.

Those of every SACK, retransmission and window are made only with `Settings.trace`: they come by the thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy.typing as npt


class Failure(StrEnum):
    """Why a request did not succeed (spec 2.13, 4.6)."""

    RETRY = "retry counter exceeded"
    REMOTE = "remote operation error"
    FLUSHED = "flushed"


@dataclass(frozen=True, slots=True)
class EvChanged:
    """An EV moved from one state to another."""

    at: int
    qpn: int
    ev: int
    plane: int
    old: str
    new: str
    cause: str


@dataclass(frozen=True, slots=True)
class PlaneChanged:
    """A QP's plane was withdrawn, or has returned (spec 4.2, 4.7)."""

    at: int
    qpn: int
    plane: int
    up: bool
    cause: str


@dataclass(frozen=True, slots=True)
class PacketsLost:
    """Packets inferred lost (or timed out): their PSNs, indices of their EVs, and when they were sent."""

    at: int
    qpn: int
    cause: str
    psn: npt.NDArray[Any]
    ev: npt.NDArray[Any]
    sent_at: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class NackReceived:
    """The peer did not take a packet: its unwrapped PSN and the reason (spec 2.13)."""

    at: int
    qpn: int
    psn: int
    reason: str


@dataclass(frozen=True, slots=True)
class SackReceived:
    """With `trace`: a SACK came. `psn` triggered it (unwrapped; a probe's id if it answers one) on the EV
    value `ev`; `rtt` ns, None where it is not certain (spec 5.4).
    """

    at: int
    qpn: int
    cack: int
    psn: int
    ev: int
    mark: str
    probe: bool
    rtt: int | None


@dataclass(frozen=True, slots=True)
class Retransmitted:
    """With `trace`: packets left once more: their PSNs and the indices of their new EVs (spec 4.5)."""

    at: int
    qpn: int
    psn: npt.NDArray[Any]
    ev: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class WindowChanged:
    """With `trace`: the congestion window is another, and why; both sizes in nominal bytes (spec 5.2)."""

    at: int
    qpn: int
    cause: str
    window: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """Responder: every packet of the message, and of all before it, is in place."""

    at: int
    qpn: int
    message: int


@dataclass(frozen=True, slots=True)
class ReceiveCompleted:
    """Responder: a WriteIMM took the receive `request`, after all that was sent before it (spec 3.2)."""

    at: int
    qpn: int
    request: int
    message: int
    immediate: int


@dataclass(frozen=True, slots=True)
class MessageCompleted:
    """Requestor: every packet of the message, and of all before it, is acknowledged."""

    at: int
    qpn: int
    message: int


@dataclass(frozen=True, slots=True)
class MessageFailed:
    """Requestor: the message will never complete, and why; whether its bytes arrived is not known."""

    at: int
    qpn: int
    message: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReceiveFailed:
    """Responder: the receive `request` will never be used."""

    at: int
    qpn: int
    request: int
    reason: str


@dataclass(frozen=True, slots=True)
class QpFailed:
    """The QP went to ERROR."""

    at: int
    qpn: int
    reason: str


Event = (
    EvChanged
    | PlaneChanged
    | PacketsLost
    | NackReceived
    | SackReceived
    | Retransmitted
    | WindowChanged
    | MessageArrived
    | ReceiveCompleted
    | MessageCompleted
    | ReceiveFailed
    | MessageFailed
    | QpFailed
)
