"""Measurements of minigrad beside torch: ``python -m benchmarks overhead|ops|train|scaling|...``.

Nothing is timed before the results of all sides have been compared, and no number stands alone:
the sides take turns, and what counts is the ratio.
"""

import os
import sys

TREE = "MINIGRAD_TREE"  # a folder: the minigrad in it is measured, instead of the one found here
if os.environ.get(TREE):
    sys.path.insert(0, os.environ[TREE])
