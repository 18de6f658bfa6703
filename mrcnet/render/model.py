"""What rendering is asked for, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Nos(StrEnum):
    """What a switch runs."""

    FRR = "frr"
    SONIC = "sonic-vs"
    EOS = "ceos"
    CUMULUS = "cumulus"


IMAGES: Mapping[Nos, str] = MappingProxyType(
    {
        Nos.FRR: "frr:10.6.0",
        Nos.SONIC: "docker-sonic-vs:latest",
        Nos.EOS: "ceos:4.35.2F",
        Nos.CUMULUS: "vrnetlab/nvidia_cumulusvx:5.14.0",
    }
)
HOST_IMAGE = "network-multitool:latest"


@dataclass(frozen=True, slots=True)
class ClabVersion:
    """A release of containerlab, 0.MINOR."""

    minor: int

    def __str__(self) -> str:
        return f"0.{self.minor}"

    @property
    def knows_cumulus(self) -> bool:
        """Whether there is the kind of Cumulus' virtual machine."""
        return self.minor >= SCHEMA_VERSION.minor

    @property
    def knows_frr(self) -> bool:
        """Whether there is `kind: frr` with `daemons` beside it: 0.80 had them under `extras`."""
        return self.minor >= 81


SCHEMA_VERSION = ClabVersion(79)  # files for it also run on those up to 0.81


@dataclass(frozen=True, slots=True)
class Wish:
    """What to render for: the switches' NOS, in turn by plane if `mixed`, and images."""

    nos: Nos
    mixed: bool = False
    version: ClabVersion = SCHEMA_VERSION
    host_image: str = HOST_IMAGE
    switch_image: str | None = None  # default: that of the NOS in IMAGES

    def nos_of(self, plane: int) -> Nos:
        """What the switches of a plane run. Cumulus, whose files go by hand, has its turn if it is wished."""
        order = [nos for nos in Nos if nos is not Nos.CUMULUS or nos is self.nos]
        return order[(order.index(self.nos) + plane) % len(order)] if self.mixed else self.nos

    def image_of(self, nos: Nos) -> str:
        """The image of a switch."""
        return self.switch_image if self.switch_image is not None and nos is self.nos else IMAGES[nos]


@dataclass(frozen=True, slots=True)
class File:
    """A rendered file; `path` is relative to the folder, with `/`."""

    path: str
    text: str
