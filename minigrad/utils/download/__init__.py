"""Files from the network: whole and verified under their names, or not there at all."""

from minigrad.utils.download.archives import extract_archive
from minigrad.utils.download.fetching import DownloadError, fetch

__all__ = ["DownloadError", "extract_archive", "fetch"]
