"""The paper's own curves (arXiv 2605.04333): figures 16, 17, 18 and A2."""

from __future__ import annotations

from collections.abc import Mapping

MB = (4, 16, 64, 256, 1024, 4096, 16384)
LINE = 400  # Gb/s of the paper's nodes
Curves = Mapping[str, tuple[float | None, ...]]
# Figures 16 and 17, read off its pictures: +-3 to 5 Gb/s. None: too low to be read.
FIGURE_16: Curves = {
    "mrc at 0.0%": (42, 104, 183, 271, 378, 381, 376),
    "mrc at 0.1%": (12, 31, 80, 131, 220, 338, 340),
    "mrc at 1.0%": (6, 17, 44, 76, 105, 146, 151),
    "rocev2 at 0.0%": (44, 102, 178, 156, 199, 220, 223),
    "rocev2 at 0.1%": (None, 7, 20, 34, 84, 153, 192),
    "rocev2 at 1.0%": (None, None, None, 6, 12, 21, 31),
    "rocev2x16 at 0.0%": (42, 99, 180, 268, 302, 365, 362),
    "rocev2x16 at 0.1%": (None, 4, 13, 20, 48, 122, 212),
    "rocev2x16 at 1.0%": (None, None, None, 3, 8, 18, 28),
}
FIGURE_17: Curves = {
    "mrc at 0.0%": (223, 333, 386, 378, 363, 362, 361),
    "mrc at 0.1%": (83, 183, 245, 272, 300, 325, 331),
    "mrc at 1.0%": (59, 140, 176, 178, 211, 227, 234),
    "rocev2 at 0.0%": (215, 303, 331, 353, 328, 329, 326),
    "rocev2 at 0.1%": (12, 25, 65, 148, 238, 310, 322),
    "rocev2 at 1.0%": (None, None, 13, 31, 45, 98, 126),
    "rocev2x16 at 0.0%": (212, 303, 335, 322, 299, 293, 296),
    "rocev2x16 at 0.1%": (None, 20, 54, 128, 198, 282, 297),
    "rocev2x16 at 1.0%": (None, None, 10, 31, 54, 101, 128),
}
# Figure 18's victim and figure A2's flows, Gb/s of 400
VICTIM = {"mrc": 388 / 390, "rocev2": 320 / 390}
SHARES = (391 / 391, 196 / 391, 131 / 391)
