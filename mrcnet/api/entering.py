"""Go to where an ordinary user's labs are."""

from __future__ import annotations

from mrcnet.kernel import holder


def enter() -> None:
    """Let a program of an ordinary user have labs: its first line, before it begins anything else.

        from mrcnet.api import Lab, enter

        enter()
        with Lab.up("4p-2t0-4t1") as lab: ...

    The program begins anew, with the words it was called with, in the namespaces that hold its user's labs;
    they are made if need be. There, and for root, this returns at once. EnvironmentFault where the machine
    lets ordinary users have no namespaces, with the setting that does.
    """
    holder.enter(make=True)
