"""What a RoCEv2 end point can be told, in fabric nanoseconds and bytes, and where each default comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_QPS = 16
_UNIT_NS = 4_096  # InfiniBand's local ACK timeout counts 4.096 us x 2^t


@dataclass(frozen=True, slots=True)
class Dcqcn:
    """DCQCN's parameters as its authors recommend them (Zhu et al., SIGCOMM 2015, figure 14 and section 5).

    What they give for 40 Gb/s in bit/s stands here as a share of the line rate.
    """

    cnp_ns: int = 50_000  # N: a receiver tells a QP of marks at most once in so long
    gain: float = 1 / 256  # g
    alpha_ns: int = 55_000  # K: without a CNP for so long, alpha falls
    increase_ns: int = 55_000  # T: the rate rises once in so long ...
    increase_bytes: int = 10 << 20  # B: ... and once for so many bytes
    fast: int = 5  # F: so many rises go half the way back, before the target itself rises
    additive: float = 0.001  # R_AI: 40 Mb/s of 40 Gb/s
    hyper: float = 0.01  # R_HAI: ten times as much, as in QCN
    least: float = 0.001  # the rate never falls below


@dataclass(frozen=True, slots=True)
class Roce:
    """Knobs of the reliable connections (RC) of an end point.

    What all transports have in common, payload, UDP port, ICRC and trace, stands in MRC's `Settings`.
    """

    qps: int = 1  # between a pair of hosts; messages are dealt to them in turn
    window_bytes: int = 1 << 20  # payload that one QP may have under way; DCQCN is what limits it in earnest
    ack_every: int = 16  # packets: a requestor asks for an ACK so often, and at the end of each message
    timeout_exponent: int = 10  # 4.096 us x 2^t: 4.2 ms, as ConnectX's first; each further one is doubled
    retry_cnt: int = 7  # InfiniBand: retries in a row without progress that a QP survives
    burst_ns: int = 20_000  # a limited rate may make up for so much lateness of its NIC
    dcqcn: Dcqcn | None = field(default_factory=Dcqcn)  # None: always at line rate

    def __post_init__(self) -> None:
        if not 1 <= self.qps <= MOST_QPS:
            raise ValueError(f"a pair of hosts has 1 to {MOST_QPS} QPs, not {self.qps}")
        if not 0 <= self.retry_cnt <= 7:
            raise ValueError(f"retry_cnt has three bits, {self.retry_cnt} does not fit")

    def timeout_of(self, timeouts: int) -> int:
        """How long an acknowledgement may take after so many timeouts in a row, ns."""
        return _UNIT_NS << self.timeout_exponent + timeouts
