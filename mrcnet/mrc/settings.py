"""Every knob of an end point, in fabric nanoseconds and bytes, with the rule each default comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

from mrcnet.mrc.nscc import Knobs
from mrcnet.mrc.window import Control
from mrcnet.mrc.wire.frames import EvFormat
from mrcnet.mrc.wire.numbers import MPR_UNIT, UDP_PORT, UDP_PORTS_ACCEPTED, Dscp


@dataclass(frozen=True, slots=True)
class Settings:
    """Knobs shared by all QPs of an end point."""

    payload: int = 4096  # bytes per packet, the path MTU
    udp_port: int = UDP_PORT  # spec 2.2, section 9 no. 1
    udp_ports_accepted: tuple[int, ...] = UDP_PORTS_ACCEPTED
    ev_format: EvFormat = field(default_factory=EvFormat)
    dscp: Dscp = field(default_factory=Dscp)
    icrc: bool = True  # False: left out, as when a NIC's hardware takes it off the CPU

    mpr_units: int = 8  # spec 1.3: window of 8 x 128 PSN
    window_bytes: int = 8 << 20  # the fixed congestion window
    nscc: Knobs | None = None  # spec 5.1: NSCC's knobs; None: the fixed window
    control: Control | None = None  # in the place of both
    sack_threshold: int = 16_384  # spec 3.3, section 9 no. 9
    sack_minimum: int = 1_024  # spec 3.3: a packet adds at least this much to the trigger

    dynamic_mpr: bool = False  # spec 3.7: offer a window that may change at run time ...
    mpr_limit_units: int = 64  # ... up to this, for which memory is set aside
    transport_ack: bool = False  # section 9 no. 30: also acknowledge with 0xD1, for peers that need it
    max_wimm: int = 128  # spec 1.2: WriteIMM that may be in flight towards this side

    trim_nack: bool = True  # spec 1.2: trimmed packets are answered with NACKs; False: dropped

    path_health: bool = True  # False: marks, losses and timeouts change no EV; spraying is oblivious
    backup_share: float = 0.5  # section 9 no. 28: half of the universe is inactive
    ev_min_active_share: float = 0.25  # spec 4.1: floor under which no further EV becomes ASSUMED_BAD
    shuffle_turns: int = 8  # spec 4.2: passes over the EVs of a plane between two shuffles

    base_rtt_ns: int = 1_000_000  # spec 5.4: start value, the minimum of the samples replaces it
    timeout_exponent: int = 17  # spec 4.6: 1.024 us x 2^t; 134 ms outlasts the stalls of a software NIC
    linear_retries: int = 7  # spec 1.3
    exponential_retries: int = 7  # spec 1.3; 25 means for ever
    timeout_ceiling_exponent: int = 20  # spec 4.6: the exponential phase doubles up to here

    port_status_ns: int = 10_000_000  # section 9 no. 24: a port status update is repeated so often
    port_status: bool = True  # spec 4.7: peers are told of ports that go down
    port_first_bit: int = 0  # section 9 no. 22: the bit of port index 0

    probe_rtts: int = 10  # spec 4.7: probes of an ASSUMED_BAD EV every 10 base RTTs ...
    probe_backoff_limit: int = 64  # ... with back-off, at most this many times slower
    probe_floor_ns: int = 1_000_000  # no probe timer is shorter than this
    probes_to_good: int = 3  # section 9 no. 16: answered in a row
    silence_rtts: int = 2  # spec 4.7: heard nothing for so long while data is in flight: probe
    reverse_probe_ns: int = 10_000_000  # spec 4.8: pace of EV probes that keep the reverse EVs fresh
    reverse_probe_losses: int = 3  # spec 4.8: unanswered probes after which a reverse EV is dropped

    trace: bool = False  # report every SACK, retransmission and change of the window too

    @property
    def mpr(self) -> int:
        """The window in PSN."""
        return self.mpr_units * MPR_UNIT

    @property
    def mpr_most(self) -> int:
        """The widest window in PSN that may come."""
        return max(self.mpr_units, self.mpr_limit_units) * MPR_UNIT if self.dynamic_mpr else self.mpr

    @property
    def timeout_ns(self) -> int:
        """spec 1.3: the local ACK timeout of the linear phase."""
        return 1_024 << self.timeout_exponent

    def timeout_of(self, attempt: int) -> int:
        """spec 4.6: fixed for the linear attempts, then doubled per attempt up to a ceiling."""
        doublings = max(0, attempt - self.linear_retries)
        return 1_024 << min(self.timeout_exponent + doublings, self.timeout_ceiling_exponent)

    @property
    def retry_budget(self) -> int | None:
        """Timeouts a QP survives in a row; None: for ever (spec 1.3)."""
        return None if self.exponential_retries >= 25 else self.linear_retries + self.exponential_retries
