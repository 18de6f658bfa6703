"""Files of a result: refused before the run if they cannot be, and written whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

from mrcnet.errors import EnvironmentFault

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def probe(path: Path) -> None:
    """Raise EnvironmentFault if `path` cannot be written; leave what is there as it is."""
    try:
        fresh = not path.exists()
        with path.open("a"):
            pass
        if fresh:
            path.unlink()
    except OSError as error:
        raise EnvironmentFault(f"cannot write {path}: {error.strerror}", remedy="name another file") from None


def write(path: Path, content: str | bytes) -> None:
    """Put it there in one step. EnvironmentFault if that cannot be: then the old file is still there.

    What is no file (`/dev/stdout`, a pipe) is written as it is.
    """
    special = path.exists() and not path.is_file()
    part = path if special else path.with_name(path.name + ".part")
    try:
        if isinstance(content, str):
            part.write_text(content, encoding="utf-8")
        else:
            part.write_bytes(content)
        if not special:
            part.replace(path)
    except OSError as error:
        if not special:
            part.unlink(missing_ok=True)
        remedy = "make room on the disk" if error.errno in DISK_FULL else "name another file"
        raise EnvironmentFault(f"cannot write {path}: {error.strerror}", remedy=remedy) from None
