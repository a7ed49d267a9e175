"""The name under which programs for torch reach into the collating and the worker's side."""

from minigrad.utils.data import collate
from minigrad.utils.data import worker_info as worker

__all__ = ["collate", "worker"]
