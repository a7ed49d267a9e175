"""Measurements of minigrad beside torch: ``python -m benchmarks overhead|ops|memory``.

Nothing is timed before the results of both have been compared, and no number stands alone: both
libraries run in the same process, in turns, and what counts is the ratio.
"""
