"""What other distributions add to mrcnet: their entry points, by group, loaded when first used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mrcnet.errors import EnvironmentFault

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ACTIONS = "mrcnet.actions"
CONGESTION = "mrcnet.congestion"
SCHEMES = "mrcnet.schemes"


@dataclass(frozen=True, slots=True)
class Extension:
    """An entry point, and the distribution that brings it."""

    entry: EntryPoint
    distribution: str

    def load(self) -> Any:
        """What it names. EnvironmentFault if that cannot be imported."""
        try:
            return self.entry.load()
        except Exception as error:
            raise self.broken(f"{type(error).__name__}: {error}") from error

    def broken(self, why: str) -> EnvironmentFault:
        """The error for one that does not do what its group asks."""
        return EnvironmentFault(
            f"{self.entry.group}: {self.entry.name!r} of the distribution {self.distribution}"
            f" ({self.entry.value}) cannot be used: {why}",
            remedy=f"mend, update or remove {self.distribution}",
        )


def names(group: str) -> tuple[str, ...]:
    """What there is in a group, in order."""
    return tuple(sorted(_found(group)))


def extension(group: str, name: str) -> Extension | None:
    """The one of that name. EnvironmentFault if two distributions bring one."""
    found = _found(group).get(name, ())
    if len(found) > 1:
        raise found[0].broken(f"{found[1].distribution} brings another of that name")
    return found[0] if found else None


@cache
def _found(group: str) -> Mapping[str, tuple[Extension, ...]]:
    from importlib.metadata import entry_points  # here: it takes longer than all else that `--help` needs

    found: dict[str, tuple[Extension, ...]] = {}
    for entry in entry_points(group=group):
        brings = entry.dist.name if entry.dist else "an unknown one"
        others = found.get(entry.name, ())
        if brings not in [other.distribution for other in others]:  # it may be on the path twice
            found[entry.name] = (*others, Extension(entry, brings))
    return found
