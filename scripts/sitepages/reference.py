"""The reference: all commands, a page a kind of file, and the repository's own pages beside them."""

from __future__ import annotations

import os
from pathlib import Path

from mrcnet.cli.schema import SCHEMAS
from sitepages.commands import commands_page
from sitepages.schemas import schema_page

OWN = ("GLOSSARY", "ARCHITECTURE", "CHANGELOG")


def write(folder: Path, root: Path) -> None:
    """Write every page into `folder`, which is made; files that are the same stay untouched."""
    folder.mkdir(exist_ok=True)
    pages = {"commands": commands_page()}
    pages |= {kind: schema_page(kind, make()) for kind, make in SCHEMAS.items()}
    pages |= {name.lower(): (root / f"{name}.md").read_text(encoding="utf-8") for name in OWN}
    for name, text in pages.items():
        page = folder / f"{name}.md"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            half = page.with_suffix(f".{os.getpid()}")
            half.write_text(text, encoding="utf-8")
            half.replace(page)  # whole or not at all: another may be making the site
    for page in folder.glob("*.md"):
        if page.stem not in pages:
            page.unlink()
