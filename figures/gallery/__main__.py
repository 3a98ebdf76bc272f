"""Draw the gallery: ``python -m figures.gallery [FOLDER]``."""

from __future__ import annotations

import sys

from figures.gallery import make

for written in make(*sys.argv[1:2]):
    print(written)
