"""torchvision's names for getting, checking and unpacking the files of a data set."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from minigrad.utils.download.archives import extract_archive
from minigrad.utils.download.checksums import calculate_md5, check_integrity, check_md5
from minigrad.utils.download.fetching import fetch

__all__ = [
    "calculate_md5",
    "check_integrity",
    "check_md5",
    "download_and_extract_archive",
    "download_url",
    "extract_archive",
    "list_dir",
    "list_files",
    "verify_str_arg",
]

T = TypeVar("T", bound=str)


def download_url(
    url: str,
    root: str | os.PathLike[str],
    filename: str | os.PathLike[str] | None = None,
    md5: str | None = None,
    max_redirect_hops: int = 3,
) -> None:
    """Download a file into a folder, unless it is there with the right MD5.

    Args:
        url: an http or https address.
        root: the folder.
        filename: the name to give it; by default the last part of the address.
        md5: its checksum; without it, any file of that name counts.
        max_redirect_hops: accepted for torchvision's sake; redirects are followed as urllib does.

    Raises: RuntimeError with address, reason and way out if it cannot be had.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "a.txt").write_text("here already")
    ...     download_url("https://example.org/a.txt", folder)
    """
    fetch(url, os.path.join(os.path.expanduser(root), filename or _name(url)), md5=md5)


def download_and_extract_archive(
    url: str,
    download_root: str | os.PathLike[str],
    extract_root: str | os.PathLike[str] | None = None,
    filename: str | os.PathLike[str] | None = None,
    md5: str | None = None,
    remove_finished: bool = False,
) -> None:
    """Download an archive, and unpack it into ``extract_root`` (by default ``download_root``).

    Raises: RuntimeError if it cannot be had, is damaged, or would write outside of the folder.

    >>> import gzip, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with gzip.open(os.path.join(folder, "a.txt.gz"), "wb") as file:
    ...         _ = file.write(b"here already")
    ...     download_and_extract_archive("https://example.org/a.txt.gz", folder)
    ...     sorted(os.listdir(folder))
    ['a.txt', 'a.txt.gz']
    """
    folder = os.path.expanduser(download_root)
    name = filename or _name(url)
    download_url(url, folder, name, md5)
    target = folder if extract_root is None else os.path.expanduser(extract_root)
    extract_archive(os.path.join(folder, name), target, remove_finished)


def _name(url: str) -> str:
    from urllib.parse import unquote, urlsplit

    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
    if not name:
        raise ValueError(f"download_url: {url!r} ends without a file name; pass filename=")
    return name


def list_dir(root: str | os.PathLike[str], prefix: bool = False) -> list[str]:
    """Names of the folders in a folder, with the folder's own name before them if ``prefix``.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, "cats").mkdir()
    ...     list_dir(folder)
    ['cats']
    """
    root = os.path.expanduser(root)
    names = [name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name))]
    return [os.path.join(root, name) for name in names] if prefix else names


def list_files(
    root: str | os.PathLike[str], suffix: str | tuple[str, ...], prefix: bool = False
) -> list[str]:
    """Names of the files in a folder that end so, with the folder's name before them if asked.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, "a.png").touch()
    ...     list_files(folder, ".png")
    ['a.png']
    """
    root = os.path.expanduser(root)
    names = [
        name
        for name in os.listdir(root)
        if name.endswith(suffix) and os.path.isfile(os.path.join(root, name))
    ]
    return [os.path.join(root, name) for name in names] if prefix else names


def verify_str_arg(
    value: T,
    arg: str | None = None,
    valid_values: Iterable[T] | None = None,
    custom_msg: str | None = None,
) -> T:
    """A string argument, if it is a string and one of the valid values.

    Raises: ValueError if it is not.

    >>> verify_str_arg("train", "split", ("train", "test"))
    'train'
    """
    if not isinstance(value, str):
        of = "" if arg is None else f" for argument {arg}"
        raise ValueError(f"Expected type str{of}, but got type {type(value)}.")
    if valid_values is None or value in (valid := list(valid_values)):
        return value
    names = ", ".join(repr(v) for v in valid)
    of = "" if arg is None else f" for argument {arg}"
    raise ValueError(custom_msg or f"Unknown value '{value}'{of}. Valid values are {{{names}}}.")
