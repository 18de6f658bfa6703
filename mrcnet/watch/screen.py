"""A summary as lines of a terminal of any size from 80 x 24 on: what is left out is what ails least. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mrcnet.units import format_duration, format_rate, format_size
from mrcnet.watch.summary import Counted, PlaneRow, PortRow, RunRow, Summary
from mrcnet.workload.pulse import EvHealth

Span = tuple[str, str]  # text and its style, in words that rich knows; "": plain
Line = tuple[Span, ...]

HEAD, GOOD, WARN, BAD, DIM = "bold", "green", "yellow", "bold red", "dim"
_EVENTS = 6  # lines of events that ports leave at least, if there are so many
_PLANES = 8  # planes that are shown at least, where the screen has room
_RUNS = 3
_WIDE = 100  # columns from which on a port's far end is named, too
_PORT, _PEER, _COUNTS = "{:<16.16}", " {:<16.16}", " {:>9} {:>8} {:>9} {:>9} {:>9}"


def screen(seen: Summary, width: int, height: int) -> list[Line]:
    """At most `height` lines, none longer than `width` characters."""
    top = [_title(seen), *map(_run, seen.runs[:_RUNS])]
    if not seen.runs:
        top.append((("no run is under way: goodput and EVs are those of runs", DIM),))
    planes = list(map(_plane, seen.planes))
    room = max(_PLANES, height // 3)
    if len(planes) > room:
        planes = [*planes[:room], ((f"... and {len(planes) - room} more planes", DIM),)]
    top += [(("plane   goodput   GOOD  SKIP   BAD  DENIED  OUT  EVs", HEAD),), *planes]
    events = [_event(seen, number) for number in range(len(seen.events))]
    rest = height - len(top) - 2  # the headings of ports and events
    kept = min(len(events), max(_EVENTS, rest - len(seen.ports)))
    wide = width >= _WIDE
    ports = [_port(port, wide=wide) for port in seen.ports[: max(rest - max(kept, 1), 0)]]
    names = ("port", "to", "sends", "holds", "marked", "trimmed", "dropped")
    top += [((_columns(names, wide=wide), HEAD),), *ports]
    top.append((("events", HEAD),))
    top += events[len(events) - kept :] if kept else [(("none", DIM),)]
    return [_clipped(line, width) for line in top[:height]]


def _title(seen: Summary) -> Line:
    dilation = "" if seen.dilation == 1 else f", dilation {seen.dilation}"
    told = f"  {len(seen.planes)} planes, {seen.hosts} hosts{dilation}, {seen.seconds:.1f} s of wall time"
    return ((seen.lab, HEAD), (told, ""))


def _run(run: RunRow) -> Line:
    goodput, since = format_rate(run.goodput_bps), format_duration(run.at_ns)
    return ((f"run {run.pid}: {run.qps} QPs, for {since} of fabric time, {goodput} goodput", ""),)


def _plane(row: PlaneRow) -> Line:
    counts = [
        sum(getattr(ev, name) for ev in row.evs) for name in ("good", "skip", "assumed_bad", "denied", "out")
    ]
    good, skip, bad, denied, out = counts
    return (
        (f"{row.plane:>5} {format_rate(row.goodput_bps):>9} ", ""),
        (f"{good:>6}", GOOD if good else DIM),
        (f"{skip:>6}", WARN if skip else DIM),
        (f"{bad:>6}", BAD if bad else DIM),
        (f"{denied:>8}", WARN if denied else DIM),
        (f"{out:>5}", BAD if out else DIM),
        ("  ", ""),
        *map(_health, row.evs),
    )


def _health(ev: EvHealth) -> Span:
    """An EV as a sign: the worst state that any QP has it in; large if all of them do."""
    whole = sum(qps for _, qps in ev.by_state)
    for count, sign, style in (
        (ev.out, "o", BAD),
        (ev.assumed_bad, "x", BAD),
        (ev.denied, "d", WARN),
        (ev.skip, "s", WARN),
    ):
        if count:
            return (sign.upper() if count == whole else sign, style)
    return (".", GOOD)


def _columns(cells: Sequence[str], *, wide: bool) -> str:
    port, peer, *counts = cells
    return _PORT.format(port) + (_PEER.format(peer) if wide else "") + _COUNTS.format(*counts)


def _port(port: PortRow, *, wide: bool) -> Line:
    holds = "-" if port.holds is None else format_size(port.holds)
    counters = [(_counted(one), one) for one in (port.marked, port.trimmed, port.dropped)]
    cells = port.port, port.peer, format_rate(port.sent_bps), holds, *(text for text, _ in counters)
    text = _columns(cells, wide=wide)
    growing = [one is not None and one.new > 0 for _, one in counters]
    style = BAD if growing[2] or port.faults else WARN if any(growing) else ""
    faults = f" {', '.join(port.faults)}" if port.faults else ""
    return ((text, style), (faults, BAD))


def _counted(one: Counted | None) -> str:
    """`-`: nobody counts; otherwise the total, and behind it what is new."""
    if one is None:
        return "-"
    return f"{_short(one.total)}+{_short(one.new)}" if one.new else _short(one.total)


def _short(count: int) -> str:
    """A count in four characters at most."""
    for unit in ("", "k", "M", "G"):
        if count < 1_000:
            return f"{count}{unit}"
        count //= 1_000
    return f"{count}T"


def _event(seen: Summary, number: int) -> Line:
    one = seen.events[number]
    return ((f"{one.at / 1e6:>12.3f} ms ", DIM), (f"{one.host:<5} ", ""), (one.text, ""))


def _clipped(line: Line, width: int) -> Line:
    """The line's first `width` characters."""
    return tuple(_fitting(line, width))


def _fitting(line: Line, width: int) -> Iterator[Span]:
    for text, style in line:
        if width > 0 and text:
            yield text[:width], style
        width -= len(text)


def plain(lines: Sequence[Line]) -> list[str]:
    """Without styles."""
    return ["".join(text for text, _ in line).rstrip() for line in lines]
