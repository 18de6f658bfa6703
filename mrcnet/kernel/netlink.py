"""A small netlink codec and socket for bulk work: thousands of messages, few system calls.

A message is bytes with a free sequence number; a socket numbers messages as it sends them, so that every
error is mapped to the message that caused it. Only the last message of a send asks for an ACK: the kernel
answers errors unasked, handles messages in order and inside `send`, so that one ACK closes the batch.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from mrcnet.errors import EnvironmentFault

NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
REPLACE, EXCL, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800
DUMP_INTR = 0x10

_SOL_NETLINK = 270
_CAP_ACK, _EXT_ACK, _STRICT_CHECK = 10, 11, 12
_SO_RCVBUFFORCE = 33
_RECEIVE_ROOM = 8 << 20  # for the errors of a batch that fails throughout
_SEND_ROOM = 64 << 10  # well below the default send buffer
_NESTED = 0x8000
_TYPE_MASK = 0x3FFF
_EXT_MESSAGE = 1  # NLMSGERR_ATTR_MSG
_TRIES = 5

_HEADER = struct.Struct("=IHHII")
_ATTR = struct.Struct("=HH")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


def attr(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTR.pack(4 + len(payload), kind) + payload + _PADDING[len(payload) & 3]


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attr(kind | _NESTED, b"".join(attributes))


def u32(kind: int, value: int) -> bytes:
    """An attribute of 32 bits in host order."""
    return struct.pack("=HHI", 8, kind, value)


def text(kind: int, value: str) -> bytes:
    """An attribute of text with its closing zero."""
    return attr(kind, value.encode() + b"\0")


def number(value: bytes) -> int:
    """An attribute's value as an unsigned integer in host order."""
    return int.from_bytes(value, sys.byteorder)


def string(value: bytes) -> str:
    """An attribute's value as text."""
    return value.rstrip(b"\0").decode(errors="replace")


def message(kind: int, flags: int, *body: bytes) -> bytes:
    """One request, sequence number open."""
    payload = b"".join(body)
    return _HEADER.pack(_HEADER.size + len(payload), kind, REQUEST | flags, 0, 0) + payload


def attributes(data: bytes, start: int = 0) -> dict[int, bytes]:
    """The attributes from `start` on by type; of equal types the last. Raises ValueError if malformed."""
    return dict(each_attribute(data, start))


def each_attribute(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """The attributes from `start` on, in order. Raises ValueError if malformed."""
    end = len(data)
    while start + 4 <= end:
        length, kind = _ATTR.unpack_from(data, start)
        if length < 4 or start + length > end:
            raise ValueError(f"netlink attribute of {length} bytes at {start} of {end}")
        yield kind & _TYPE_MASK, data[start + 4 : start + length]
        start += (length + 3) & ~3


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """(type, flags, sequence number, body) of each message of a datagram. Raises ValueError if malformed."""
    start, end = 0, len(data)
    while start + _HEADER.size <= end:
        length, kind, flags, number, _ = _HEADER.unpack_from(data, start)
        if length < _HEADER.size or start + length > end:
            raise ValueError(f"netlink message of {length} bytes at {start} of {end}")
        yield kind, flags, number, data[start + _HEADER.size : start + length]
        start += (length + 3) & ~3


@dataclass(frozen=True, slots=True)
class Refusal:
    """The kernel's no to message `index` of a batch: an errno, and its words if it had any."""

    index: int
    errno: int
    words: str = ""

    def __str__(self) -> str:
        return os.strerror(self.errno) + (f" ({self.words})" if self.words else "")


class NetlinkSocket:
    """A NETLINK_ROUTE socket of the network namespace in which it is made; it stays in that one."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        for option in (_CAP_ACK, _EXT_ACK, _STRICT_CHECK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        with suppress(PermissionError):  # without privilege there is nothing in bulk: the default must do
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_ROOM)
        self._socket.bind((0, 0))
        self._serial = 0

    def __enter__(self) -> NetlinkSocket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; closing twice is fine."""
        self._socket.close()

    def send(self, batch: Sequence[bytes]) -> tuple[Refusal, ...]:
        """Send the whole batch in as few system calls as it takes; what the kernel refused, in order."""
        refusals: list[Refusal] = []
        first = 0
        while first < len(batch):
            last, size = first, 0
            while last < len(batch) and (last == first or size + len(batch[last]) <= _SEND_ROOM):
                size += len(batch[last])
                last += 1
            refusals += self._send(batch, first, last)
            first = last
        return tuple(refusals)

    def post(self, prepared: bytes) -> None:
        """Send one message; it has taken effect when the call returns. For timed writes.

        The answer is not awaited (`settle` reads it): this is one system call and nothing else.
        """
        self._socket.send(prepared)

    def prepare(self, request: bytes) -> bytes:
        """A numbered copy of one message that asks for an ACK, for `post`."""
        self._serial += 1
        length, kind, flags, _, _ = _HEADER.unpack_from(request)
        return _HEADER.pack(length, kind, flags | ACK, self._serial, 0) + request[_HEADER.size :]

    def settle(self) -> Refusal | None:
        """Read the answer to the last message prepared and posted."""
        refusals = self._answers(self._serial, self._serial)
        return refusals[0] if refusals else None

    def get(self, request: bytes) -> bytes:
        """The body of the one answer to a request. Raises OSError on a refusal."""
        self._serial += 1
        self._socket.send(request[:8] + struct.pack("=I", self._serial) + request[12:])
        while True:
            for kind, flags, serial, body in messages(self._socket.recv(1 << 17)):
                if serial == self._serial and kind == NLMSG_ERROR:
                    raise _refused(flags, body)
                if serial == self._serial:
                    return body

    def dump(self, request: bytes) -> list[bytes]:
        """The body of every answer to a dump request. Raises OSError on a refusal.

        Starts anew if the kernel says that the tables changed under the dump.
        """
        for _ in range(_TRIES):
            answers, whole = self._dump(request)
            if whole:
                return answers
        raise EnvironmentFault("the kernel's tables keep changing while they are read", remedy="try again")

    def _send(self, batch: Sequence[bytes], first: int, last: int) -> list[Refusal]:
        first_serial = self._serial + 1
        self._serial += last - first
        parts = bytearray()
        for index in range(first, last):
            start = len(parts)
            parts += batch[index]
            struct.pack_into("=I", parts, start + 8, first_serial + index - first)
        flags = struct.unpack_from("=H", parts, start + 6)[0]
        struct.pack_into("=H", parts, start + 6, flags | ACK)
        self._socket.send(parts)
        return [
            Refusal(refusal.index + first, refusal.errno, refusal.words)
            for refusal in self._answers(first_serial, self._serial)
        ]

    def _answers(self, first: int, last: int) -> list[Refusal]:
        """Read until the message numbered `last` is answered; indices count from `first`."""
        refusals = []
        while True:
            for kind, flags, serial, body in messages(self._socket.recv(1 << 20)):
                if kind != NLMSG_ERROR or not first <= serial <= last:
                    continue
                code = -struct.unpack_from("=i", body)[0]
                if code:
                    refusals.append(Refusal(serial - first, code, _words(flags, body)))
                if serial == last:
                    return refusals

    def _dump(self, request: bytes) -> tuple[list[bytes], bool]:
        self._serial += 1
        self._socket.send(request[:8] + struct.pack("=I", self._serial) + request[12:])
        answers: list[bytes] = []
        whole = True
        while True:
            for kind, flags, serial, body in messages(self._socket.recv(1 << 17)):
                if serial != self._serial:
                    continue
                whole = whole and not flags & DUMP_INTR
                if kind == NLMSG_DONE:
                    return answers, whole
                if kind == NLMSG_ERROR:
                    raise _refused(flags, body)
                answers.append(body)


def _refused(flags: int, body: bytes) -> OSError:
    code = -struct.unpack_from("=i", body)[0]
    return OSError(code, f"{os.strerror(code)} {_words(flags, body)}".strip())


def _words(flags: int, body: bytes) -> str:
    """The kernel's own explanation in an extended ACK (its request is cut to its header: CAP_ACK)."""
    if not flags & 0x200:  # NLM_F_ACK_TLVS
        return ""
    return string(attributes(body, 20).get(_EXT_MESSAGE, b""))
