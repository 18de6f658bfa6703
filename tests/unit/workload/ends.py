"""A source and a sink without a network: posted writes are kept, and carried out by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mrcnet.mrc.memory import Region
from mrcnet.workload.ends import Sink, Source, make_content
from mrcnet.workload.flow import Flow

START = 5_000


@dataclass
class FakeEndpoint:
    """Stands for both end points: remembers what was posted, registers memory under one key."""

    posts: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # QP, offset, length, to, rkey

    def post_write(self, qpn: int, source: Region, offset: int, length: int, address: int, rkey: int) -> int:
        assert 0 <= offset
        assert offset + length <= len(source.data)
        self.posts.append((qpn, offset, length, address, rkey))
        return len(self.posts) - 1

    def register(self, data: Any, address: int) -> Region:
        return Region(data, address, 77)


class Ends:
    """Both ends of a flow over a perfect wire."""

    def __init__(self, flow: Flow, seed: int = 1) -> None:
        self.endpoint: Any = FakeEndpoint()
        self.content = make_content(flow.message, seed)
        self.source = Source(flow, self.endpoint, Region(self.content, 0, 1))
        self.sink = Sink(flow, self.endpoint, self.content)
        self.source.open(self.sink.region.address, self.sink.region.rkey, START)

    @property
    def posts(self) -> list[tuple[int, int, int, int, int]]:
        posts: list[tuple[int, int, int, int, int]] = self.endpoint.posts
        return posts

    def carry(self, number: int, damage: int | None = None) -> None:
        """Put message `number` into the sink's memory, with one byte of it changed if `damage` says which."""
        _, offset, length, address, _ = self.posts[number]
        at = address - self.sink.region.address
        self.sink.region.data[at : at + length] = self.content[offset : offset + length]
        if damage is not None:
            self.sink.region.data[at + damage] ^= np.uint8(1)
        self.sink.on_arrived(number, START)
