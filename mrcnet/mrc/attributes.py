"""What two sides of a QP agree on, out of band, and the states that a QP goes through (spec 1.1-1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.numbers import MPR_UNIT

MAX_MPR_UNITS = 255  # spec 1.2: eight bits


class QpState(StrEnum):
    """spec 1.1."""

    RESET = "RESET"
    INIT = "INIT"
    RTR = "RTR"
    RTS = "RTS"
    ERROR = "ERROR"


# spec 1.3; every state may fall into ERROR, and ERROR is left by RESET only.
QP_STEPS = {
    (QpState.RESET, QpState.INIT),
    (QpState.INIT, QpState.RTR),
    (QpState.RTR, QpState.RTS),
    (QpState.ERROR, QpState.RESET),
    *((state, QpState.ERROR) for state in QpState if state is not QpState.ERROR),
    *((state, QpState.RESET) for state in (QpState.INIT, QpState.RTR, QpState.RTS)),
}

# In ERROR a QP still hears its peer, to tell it so.
RECEIVES = (QpState.RTR, QpState.RTS, QpState.ERROR)


def step(state: QpState, target: QpState) -> QpState:
    """The next state. ValueError for a step that there is not."""
    if (state, target) not in QP_STEPS:
        raise ValueError(f"a QP cannot go from {state} to {target}")
    return target


@dataclass(frozen=True, slots=True)
class Attributes:
    """One side's offer (spec 1.2, Table 10-1). `mpr_units` is this side's receive window in 128 PSN."""

    qpn: int
    start_psn: int
    payload: int
    mpr_units: int
    max_wimm: int
    dynamic_mpr: bool = False
    trim_nack: bool = True
    svc_time: bool = False  # section 9 no. 7: where service time travels is not known, so never offered

    def __post_init__(self) -> None:
        if not 1 <= self.mpr_units <= MAX_MPR_UNITS:
            raise ValueError(
                f"a window has 1 to {MAX_MPR_UNITS} units of {MPR_UNIT} PSN, not {self.mpr_units}"
            )
        if self.max_wimm < 0:
            raise ValueError("max_wimm cannot be negative")


def offer(settings: Settings, qpn: int, start_psn: int) -> Attributes:
    """What a side with these settings offers for a QP."""
    return Attributes(
        qpn=qpn,
        start_psn=start_psn,
        payload=settings.payload,
        mpr_units=settings.mpr_units,
        max_wimm=settings.max_wimm,
        dynamic_mpr=settings.dynamic_mpr,
        trim_nack=settings.trim_nack,
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """What holds in one direction, from requestor to responder."""

    mpr_units: int
    max_wimm: int
    dynamic_mpr: bool
    trim_nack: bool
    payload: int


def agree(requestor: Attributes, responder: Attributes) -> Agreement:
    """spec 1.2: windows and WriteIMM limits are the responder's, DYNAMIC_MPR needs both sides.

    Raises ValueError if the sides do not mean the same path MTU.
    """
    if requestor.payload != responder.payload:
        raise ValueError(f"path MTUs differ: {requestor.payload} and {responder.payload}")
    return Agreement(
        mpr_units=responder.mpr_units,
        max_wimm=responder.max_wimm,
        dynamic_mpr=requestor.dynamic_mpr and responder.dynamic_mpr,
        trim_nack=responder.trim_nack,
        payload=requestor.payload,
    )
