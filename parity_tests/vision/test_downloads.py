"""Downloads: whole and verified, or not there; and archives that stay inside their folder."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.utils.download import fetching as module
from minigrad.utils.download.bar import Bar
from minigrad.utils.download.fetching import DownloadError, fetch
from minigrad.vision.datasets import utils
from parity_tests.vision.site import serving

CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SUMS = [{}, {"md5": MD5}, {"sha256": SHA256}]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def only_file(folder: Path, content: bytes = CONTENT) -> None:
    """The folder holds one whole file, and nothing else."""
    assert [p.name for p in folder.iterdir()] == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == content


def nothing(folder: Path) -> None:
    """No file that could be taken for whole; a part may be left to go on with."""
    assert {p.name for p in folder.iterdir()} <= {"a.bin.part"}


@pytest.mark.parametrize("sums", SUMS)
def test_a_file_is_fetched_once(tmp_path: Path, sums: dict[str, str]) -> None:
    with serving(content=CONTENT) as site:
        assert fetch(site.url, tmp_path / "a.bin", **sums) == tmp_path / "a.bin"
        fetch(site.url, tmp_path / "a.bin", **sums)
        assert len(site.asked) == 1
    only_file(tmp_path)


@pytest.mark.parametrize("sums", SUMS)
@pytest.mark.parametrize("etags", [[], ['"v1"']])
def test_after_a_cut_only_the_rest_is_asked_for(tmp_path, sums, etags) -> None:
    with serving(content=CONTENT, cuts=[1000, 500, 7], etags=etags) as site:
        fetch(site.url, tmp_path / "a.bin", **sums)
        starts = ["bytes=1000-", "bytes=1500-", "bytes=1507-"]
        expected = starts if sums or etags else [None] * 3  # nothing tells whether a rest fits
        assert site.asked == [None, *expected]
    only_file(tmp_path)


def test_a_server_that_gives_no_rests_is_asked_for_the_whole(tmp_path: Path) -> None:
    with serving(content=CONTENT, ranges=False, cuts=[1000, 500]) as site:
        fetch(site.url, tmp_path / "a.bin", md5=MD5)
        assert len(site.asked) == 3
    only_file(tmp_path)


def test_another_version_after_a_cut_is_not_glued_to_the_first(tmp_path: Path) -> None:
    with serving(content=CONTENT, cuts=[1000], etags=['"old"', '"new"']) as site:
        fetch(site.url, tmp_path / "a.bin")
        assert site.asked == [None, "bytes=1000-"]
    only_file(tmp_path)


def test_a_rest_from_another_place_is_not_used(tmp_path: Path) -> None:
    with serving(content=CONTENT, cuts=[1000], shifted=5) as site:
        fetch(site.url, tmp_path / "a.bin", md5=MD5)
        assert site.asked == [None, "bytes=1000-", None]
    only_file(tmp_path)


def test_a_part_of_an_earlier_run_is_gone_on_with_if_a_checksum_can_tell(tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:2000])
    with serving(content=CONTENT) as site:
        fetch(site.url, tmp_path / "a.bin", md5=MD5)
        assert site.asked == ["bytes=2000-"]
    only_file(tmp_path)


def test_a_whole_part_of_an_earlier_run_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    with serving(content=CONTENT) as site:
        fetch(site.url, tmp_path / "a.bin", md5=MD5)
        assert site.asked == [f"bytes={len(CONTENT)}-"]
    only_file(tmp_path)


@pytest.mark.parametrize("size", [2000, len(CONTENT), len(CONTENT) + 5])
@pytest.mark.parametrize("sums", SUMS[:2])
def test_a_wrong_part_of_an_earlier_run_does_no_harm(tmp_path, size, sums) -> None:
    (tmp_path / "a.bin.part").write_bytes(b"x" * size)
    with serving(content=CONTENT) as site:
        fetch(site.url, tmp_path / "a.bin", **sums)
    only_file(tmp_path)


@given(cuts=st.lists(st.integers(0, 3000), max_size=3), ranges=st.booleans(), chunked=st.booleans())
def test_any_cuts_end_in_the_whole_file(tmp_path_factory, cuts, ranges, chunked) -> None:
    folder = tmp_path_factory.mktemp("cuts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAUSE", 0.0)
        with serving(content=CONTENT, cuts=cuts, ranges=ranges, chunked=chunked) as site:
            fetch(site.url, folder / "a.bin", md5=MD5)
    only_file(folder)


@pytest.mark.parametrize("sums", SUMS)
def test_a_server_that_announces_too_much_gives_one_clear_error(tmp_path, sums) -> None:
    with (
        serving(content=CONTENT, too_long=10, ranges=False) as site,
        pytest.raises(DownloadError, match=rf"{len(CONTENT)} of {len(CONTENT) + 10} bytes") as info,
    ):
        fetch(site.url, tmp_path / "a.bin", **sums)
    assert site.url in str(info.value) and str(tmp_path / "a.bin") in str(info.value)
    nothing(tmp_path)


@pytest.mark.parametrize("sums", SUMS)
def test_a_connection_that_is_always_cut_gives_up(tmp_path, sums) -> None:
    with serving(content=CONTENT, always_cut=0) as site:
        with pytest.raises(DownloadError, match=f"ended after 0 of {len(CONTENT)} bytes"):
            fetch(site.url, tmp_path / "a.bin", **sums)
        assert len(site.asked) == module.TRIES
    nothing(tmp_path)


def test_tries_are_counted_from_the_last_progress(tmp_path: Path) -> None:
    with serving(content=CONTENT, cuts=[20_000] * 10) as site:
        fetch(site.url, tmp_path / "a.bin", md5=MD5)
        assert len(site.asked) == 11
    only_file(tmp_path)


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_wrong_bytes_are_not_kept(tmp_path: Path, kind: str) -> None:
    want = hashlib.new(kind, CONTENT).hexdigest()
    with (
        serving(content=CONTENT[:-1] + b"x") as site,
        pytest.raises(DownloadError, match=f"the {kind} of what came is .*, expected {want}"),
    ):
        fetch(site.url, tmp_path / "a.bin", **{kind: want})
    assert not list(tmp_path.iterdir())


def test_a_file_with_another_checksum_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT[:100])
    with serving(content=CONTENT) as site:
        fetch(site.url, tmp_path / "a.bin", md5=MD5.upper())
    only_file(tmp_path)


def test_a_file_with_another_checksum_stays_if_it_cannot_be_fetched(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")
    with serving(statuses=[404]) as site, pytest.raises(DownloadError, match="HTTP 404"):
        fetch(site.url, tmp_path / "a.bin", md5=MD5)
    only_file(tmp_path, b"old")


@pytest.mark.parametrize(
    "faulty", [{"statuses": [404]}, {"statuses": [503] * 9}, {"always_cut": 0}]
)
def test_the_next_mirror_is_asked(tmp_path: Path, faulty: dict[str, object]) -> None:
    with serving(content=CONTENT, **faulty) as bad, serving(content=CONTENT) as good:
        fetch([bad.url, good.url], tmp_path / "a.bin", md5=MD5)
        assert bad.asked and good.asked
    only_file(tmp_path)


def test_a_wrong_begin_from_one_mirror_does_not_spoil_the_next(tmp_path: Path) -> None:
    faulty = serving(content=b"x" * len(CONTENT), always_cut=0, cuts=[999])
    with faulty as bad, serving(content=CONTENT) as good:
        fetch([bad.url, good.url], tmp_path / "a.bin", md5=MD5)
        assert good.asked == ["bytes=999-", None]
    only_file(tmp_path)


def test_all_failures_stand_in_the_error(tmp_path: Path) -> None:
    with serving(statuses=[404]) as one, serving(statuses=[403]) as two:
        urls = [one.url, two.url, "http://127.0.0.1:1/none"]
        with pytest.raises(DownloadError) as info:
            fetch(urls, tmp_path / "a.bin")
    text = str(info.value)
    assert isinstance(info.value, RuntimeError)
    assert all(url in text for url in urls)
    assert "HTTP 404" in text and "HTTP 403" in text and "no connection" in text
    assert not list(tmp_path.iterdir())


def test_a_server_in_trouble_is_asked_again_and_one_without_the_file_is_not(tmp_path) -> None:
    with serving(content=CONTENT, statuses=[503, 429]) as site:
        fetch(site.url, tmp_path / "a.bin")
        assert len(site.asked) == 3
    with serving(content=CONTENT, statuses=[404]) as site:
        with pytest.raises(DownloadError):
            fetch(site.url, tmp_path / "b.bin")
        assert len(site.asked) == 1


def test_without_length_and_checksum_a_cut_could_not_be_seen(tmp_path: Path) -> None:
    with serving(content=CONTENT, length=False) as site:
        with pytest.raises(DownloadError, match="does not say how long the file is"):
            fetch(site.url, tmp_path / "a.bin")
        nothing(tmp_path)
        fetch(site.url, tmp_path / "a.bin", md5=MD5)
    only_file(tmp_path)


@pytest.mark.parametrize("sums", SUMS)
def test_chunks_tell_their_end(tmp_path: Path, sums: dict[str, str]) -> None:
    with serving(content=CONTENT, chunked=True, cuts=[3000]) as site:
        fetch(site.url, tmp_path / "a.bin", **sums)
    only_file(tmp_path)


def test_silence_ends_in_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    from minigrad.utils.download import transfer

    monkeypatch.setattr(transfer, "_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(DownloadError, match=r"no answer|timed out"):
            fetch(url, tmp_path / "a.bin")
    nothing(tmp_path)


def test_redirects_are_followed(tmp_path: Path) -> None:
    with serving(content=CONTENT) as site:
        fetch(site.url.replace("file.bin", "moved"), tmp_path / "a.bin")
    only_file(tmp_path)


def test_the_proxy_of_the_environment_is_asked(tmp_path, monkeypatch) -> None:
    with serving(content=CONTENT) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/file.bin"))
        monkeypatch.setenv("no_proxy", "")
        fetch("http://minigrad.invalid/file.bin", tmp_path / "a.bin", md5=MD5)
        assert len(proxy.asked) == 1
    only_file(tmp_path)


@pytest.mark.parametrize("url", ["ftp://example.org/a", "file:///etc/passwd", "a.bin"])
def test_other_kinds_of_addresses_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="http or https"):
        fetch(url, tmp_path / "a.bin")


def test_a_disk_that_is_too_small_is_found_before(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 5))
    with serving(content=CONTENT) as site, pytest.raises(DownloadError, match="5 are free"):
        fetch(site.url, tmp_path / "a.bin", md5=MD5)
    nothing(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_disk_that_becomes_full_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").symlink_to("/dev/full")
    with serving(content=CONTENT, statuses=[]) as site:
        with pytest.raises(DownloadError, match=os.strerror(errno.ENOSPC)):
            fetch(site.url, tmp_path / "a.bin", md5=MD5)
        assert len(site.asked) == 1, "another mirror or try would not help"
    nothing(tmp_path)


def test_an_interrupt_leaves_no_file(tmp_path, monkeypatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Bar, "advance", interrupt)
    with serving(content=CONTENT) as site, pytest.raises(KeyboardInterrupt):
        fetch(site.url, tmp_path / "a.bin", md5=MD5)
    nothing(tmp_path)


def test_threads_that_want_the_same_file_fetch_it_once(tmp_path: Path) -> None:
    with serving(content=CONTENT, cuts=[1000, 2000]) as site:
        arguments = {"args": (site.url, tmp_path / "a.bin"), "kwargs": {"md5": MD5}}
        threads = [threading.Thread(target=fetch, **arguments) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(site.asked) == 3
    only_file(tmp_path)


def test_processes_that_want_the_same_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    script = (
        "import sys; from minigrad.utils.download.fetching import fetch;"
        "fetch(sys.argv[1], sys.argv[2], md5=sys.argv[3])"
    )
    with serving(content=CONTENT, cuts=[1000]) as site:
        command = [sys.executable, "-c", script, site.url, str(tmp_path / "a.bin"), MD5]
        running = [subprocess.Popen(command) for _ in range(2)]
        assert [process.wait() for process in running] == [0, 0]
        assert len(site.asked) == 2
    only_file(tmp_path)


@pytest.mark.parametrize("rich", [True, False])
def test_a_terminal_sees_how_far_it_is(monkeypatch, capsys, rich: bool) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.progress", None)
    with Bar("train.gz") as bar:
        bar.start(2_000_000, 500_000)
        bar.advance(1_500_000)
    shown = capsys.readouterr()
    assert "train.gz" in shown.err and not shown.out
    assert "100%" in shown.err or "2.0/2.0 MB" in shown.err


def test_elsewhere_nothing_is_shown(tmp_path: Path, capsys) -> None:
    with serving(content=CONTENT) as site:
        fetch(site.url, tmp_path / "a.bin")
    assert capsys.readouterr() == ("", "")


def test_torchvisions_names(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)
    md5 = hashlib.md5(packed).hexdigest()
    with serving(content=packed) as site:
        utils.download_url(site.url, tmp_path / "one")
        assert (tmp_path / "one" / "file.bin").read_bytes() == packed
        utils.download_and_extract_archive(
            site.url, tmp_path / "two", filename="b.gz", md5=md5, remove_finished=True
        )
    assert os.listdir(tmp_path / "two") == ["b"] and (tmp_path / "two" / "b").stat().st_size
    assert utils.calculate_md5(tmp_path / "two" / "b") == MD5
    assert utils.check_integrity(tmp_path / "two" / "b", MD5)
    assert not utils.check_integrity(tmp_path / "two" / "b", md5)
    assert not utils.check_integrity(tmp_path / "none") and not utils.check_integrity(tmp_path)


def test_importing_the_datasets_imports_no_network() -> None:
    script = (
        "import sys, minigrad.vision.datasets\n"
        "print([m for m in ('urllib.request', 'http.client', 'ssl', 'PIL', 'rich', 'tarfile', "
        "'zipfile', 'minigrad.vision.models') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
