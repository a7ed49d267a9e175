"""Weights from the network, kept in the folder where torch keeps its own.

Source: https://docs.pytorch.org/docs/stable/hub.html
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]

_dir: str | None = None

# Files such as ``resnet18-f37072fd.pth`` carry the beginning of their SHA-256.
_PROMISE = re.compile(r"-([0-9a-f]{8,64})\.\w+$")


def get_dir() -> str:
    """The folder of what was fetched: ``~/.cache/torch/hub``, unless something says otherwise.

    :func:`set_dir`, ``TORCH_HOME`` and ``XDG_CACHE_HOME`` do, in this order.

    >>> import os
    >>> from minigrad import hub
    >>> os.path.basename(hub.get_dir())
    'hub'

    Source: https://docs.pytorch.org/docs/stable/hub.html#torch.hub.get_dir
    """
    if _dir is not None:
        return _dir
    base = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(base, "torch"))
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Choose the folder of what is fetched.

    >>> from minigrad import hub
    >>> before = hub.get_dir()
    >>> hub.set_dir("/data/hub")
    >>> hub.get_dir()
    '/data/hub'
    >>> hub.set_dir(before)

    Source: https://docs.pytorch.org/docs/stable/hub.html#torch.hub.set_dir
    """
    global _dir
    _dir = os.path.expanduser(os.fspath(d))


def download_url_to_file(
    url: str, dst: str | os.PathLike[str], hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Fetch a file; what does not begin with the SHA-256 digits that are given is not kept.

    Raises: RuntimeError if it can't be had, or is another file than was promised.

    >>> import tempfile
    >>> from minigrad import hub
    >>> with tempfile.NamedTemporaryFile() as there:  # so nobody is asked for it
    ...     hub.download_url_to_file("https://example.org/a.pth", there.name)

    Source: https://docs.pytorch.org/docs/stable/hub.html#torch.hub.download_url_to_file
    """
    from minigrad.utils.download import fetch

    fetch(url, dst, progress=progress)
    if hash_prefix:
        _check_hash(Path(dst).expanduser(), hash_prefix)


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike[str] | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> Any:
    """What a file at an address holds; it is fetched the first time and kept.

    ``check_hash`` compares the digits at the end of the file's name with its SHA-256. Unlike
    torch, no code in the file is run unless ``weights_only=False`` says so.

    Raises: RuntimeError if it can't be had; UnpicklingError for a file that holds other things.

    >>> import minigrad as torch, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> torch.save({"weight": torch.ones(2)}, folder / "net.pth")
    >>> torch.hub.load_state_dict_from_url("https://example.org/net.pth", folder)
    {'weight': tensor([1., 1.])}

    Source: https://docs.pytorch.org/docs/stable/hub.html#torch.hub.load_state_dict_from_url
    """
    from minigrad.serialization import load as load_file

    folder = Path(model_dir) if model_dir is not None else Path(get_dir(), "checkpoints")
    path = folder / (file_name or os.path.basename(urlsplit(url).path))
    if not path.exists():
        promise = _PROMISE.search(path.name) if check_hash else None
        download_url_to_file(url, path, promise[1] if promise else None, progress)
    return load_file(path, map_location=map_location, weights_only=weights_only)


def _check_hash(path: Path, promised: str) -> None:
    import hashlib

    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(promised):
        path.unlink()
        raise RuntimeError(
            f'invalid hash value (expected "{promised}", got "{found}"): {path} was removed'
        )


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(
        f"hub.{name}: it runs code that is fetched from the network, written for torch itself; "
        "minigrad.vision.models has networks, hub.load_state_dict_from_url fetches weights"
    )


def load(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError: a hub entry is code from the network.

    >>> from minigrad import hub
    >>> hub.load("pytorch/vision", "resnet18")
    Traceback (most recent call last):
    NotImplementedError: hub.load: it runs code that is fetched from the network...
    """
    _refuse("load")


def list(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError: a hub entry is code from the network.

    >>> from minigrad import hub
    >>> hub.list("pytorch/vision")
    Traceback (most recent call last):
    NotImplementedError: hub.list: it runs code that is fetched from the network...
    """
    _refuse("list")


def help(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError: a hub entry is code from the network.

    >>> from minigrad import hub
    >>> hub.help("pytorch/vision", "resnet18")
    Traceback (most recent call last):
    NotImplementedError: hub.help: it runs code that is fetched from the network...
    """
    _refuse("help")
