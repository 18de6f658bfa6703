"""How Sphinx makes the site; `scripts/docs` calls it. The reference is made from the code."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from sitepages.reference import OWN, write  # noqa: E402

from mrcnet import __version__  # noqa: E402

project = "mrcnet"
version = release = __version__
html_title = f"mrcnet {__version__}"
extensions = ["myst_parser"]
myst_heading_anchors = 4  # so that links to headings are checked, too
highlight_language = "none"
nitpicky = True
html_theme = "furo"  # loads nothing from elsewhere
html_show_copyright = html_show_sphinx = html_copy_source = False

# Pages that the site has, too: who reads docs/ in the repository is led to the first, here to the second.
OUTSIDE = {f"(../{name}.md": f"(reference/{name.lower()}.md" for name in OWN}


def _stay_inside(_: Sphinx, __: str, source: list[str]) -> None:
    for outside, inside in OUTSIDE.items():
        source[0] = source[0].replace(outside, inside)


def setup(app: Sphinx) -> None:
    """Called by Sphinx before it looks for pages."""
    write(HERE / "reference", ROOT)
    app.connect("source-read", _stay_inside)
