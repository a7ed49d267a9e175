"""Where the time and the memory of a program go, op by op: torch's names, and a page to look at.

Source: https://docs.pytorch.org/docs/stable/profiler.html
"""

from __future__ import annotations

from minigrad.profiler.averages import Average, Averages
from minigrad.profiler.profiling import profile, record_function
from minigrad.profiler.schedules import ProfilerAction, ProfilerActivity, schedule
from minigrad.profiler.spans import Span

__all__ = [
    "Average",
    "Averages",
    "ProfilerAction",
    "ProfilerActivity",
    "Span",
    "profile",
    "record_function",
    "schedule",
]
