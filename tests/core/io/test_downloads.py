"""A file arrives whole, over however many connections, or is said not to."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.progress import Cancelled, Progress
from medseg.io.download.files import RemoteFile, fetch
from medseg.io.download.https_parts import shown_bytes
from tests.core.io.serving import Served, serving

CONTENT = np.random.default_rng(0).bytes(3_500_000)
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.fixture
def served():
    with serving(Served(files={"/a.tar": CONTENT})) as server:
        yield server


def remote(served: Served, **more) -> RemoteFile:
    return RemoteFile(**({"url": f"{served.url}/a.tar", "md5": MD5} | more))


def refusal(remote_file: RemoteFile, to: Path, **more) -> UnusableInput:
    with pytest.raises(UnusableInput) as caught:
        fetch(remote_file, to, **({"pauses_seconds": ()} | more))
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_file_arrives_and_every_megabyte_is_told(served, tmp_path):
    told: list[Progress] = []
    fetch(remote(served), tmp_path / "a.tar", on_progress=told.append)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    downloaded = [step.done for step in told if step.stage.startswith("downloading")]
    assert downloaded == [1, 2, 3, 4]
    assert {step.total for step in told} == {4}
    assert told[0].stage == "downloading a.tar (MB)"


def test_a_cut_connection_is_taken_up_where_it_broke_off(served, tmp_path):
    served.cuts = [1_000_003, 500_000]
    fetch(remote(served), tmp_path / "a.tar", pauses_seconds=())
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert served.ranges == ["", "1000003-", "1500003-"]


def test_a_later_run_goes_on_with_what_there_is(served, tmp_path):
    (tmp_path / "a.tar").write_bytes(CONTENT[:2_000_000])
    fetch(remote(served), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert served.ranges == ["2000000-"]


def test_a_server_that_gives_no_parts_starts_again(served, tmp_path):
    served.takes_ranges = False
    served.cuts = [1_000_000, 2_000_000]
    fetch(remote(served), tmp_path / "a.tar", pauses_seconds=())
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert served.ranges == ["", "1000000-", "2000000-"]


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    content=st.binary(min_size=1, max_size=60),
    cuts=st.lists(st.integers(1, 30), max_size=5),
    left=st.integers(0, 60),
    takes_ranges=st.booleans(),
)
def test_whatever_is_cut_the_file_is_the_same(
    tmp_path, content, cuts, left, takes_ranges
):
    to = tmp_path / "small.tar"
    to.write_bytes(content[:left])
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    small = Served(files={"/a.tar": content}, cuts=cuts, takes_ranges=takes_ranges)
    with serving(small):
        fetch(remote(small, md5=md5), to, pauses_seconds=(0.0,) * len(cuts))
    assert to.read_bytes() == content


def test_a_server_that_stays_away_is_given_up_and_what_came_is_kept(served, tmp_path):
    served.cuts = [1_000_000, 0, 0, 0]
    error = refusal(remote(served), tmp_path / "a.tar", pauses_seconds=(0.0, 0.0))
    assert error.code == ErrorCode.DOWNLOAD_FAILED
    assert "1 MB of it are kept" in error.what
    assert (tmp_path / "a.tar").read_bytes() == CONTENT[:1_000_000]
    assert len(served.ranges) == 4


def test_no_network_is_said_at_once(tmp_path):
    with serving(Served()) as gone:
        pass
    error = refusal(remote(gone), tmp_path / "a.tar", pauses_seconds=(1000.0,))
    assert error.code == ErrorCode.DOWNLOAD_FAILED
    assert "refused" in error.what
    assert "network" in error.remedy
    assert not (tmp_path / "a.tar").exists()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, ErrorCode.NOT_FOUND),
        (410, ErrorCode.NOT_FOUND),
        (403, ErrorCode.DOWNLOAD_FAILED),
        (503, ErrorCode.DOWNLOAD_FAILED),
    ],
)
def test_the_servers_refusal_is_passed_on(served, tmp_path, status, code):
    served.statuses = {"/a.tar": status}
    error = refusal(remote(served), tmp_path / "a.tar")
    assert error.code == code
    assert str(status) in error.what


def test_a_wrong_checksum_removes_the_file(served, tmp_path):
    error = refusal(remote(served, md5="0" * 32), tmp_path / "a.tar")
    assert error.code == ErrorCode.WRONG_CHECKSUM
    assert MD5 in error.what
    assert not (tmp_path / "a.tar").exists()


def test_a_whole_file_is_not_fetched_again(served, tmp_path):
    (tmp_path / "a.tar").write_bytes(CONTENT)
    fetch(remote(served, bytes=len(CONTENT)), tmp_path / "a.tar")
    assert served.ranges == []
    fetch(remote(served), tmp_path / "a.tar")
    assert served.ranges == [f"{len(CONTENT)}-"]


def test_too_long_a_leftover_is_replaced(served, tmp_path):
    (tmp_path / "a.tar").write_bytes(CONTENT + b"of another file")
    fetch(remote(served, bytes=len(CONTENT)), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


def test_a_disk_too_small_is_seen_before_anything_is_written(served, tmp_path):
    served.claimed_bytes = 10**18
    error = refusal(remote(served), tmp_path / "a.tar")
    assert error.code == ErrorCode.DISK_FULL
    assert shown_bytes(10**18) in error.what
    assert not (tmp_path / "a.tar").exists()


def test_a_folder_that_cannot_be_written_is_named(served, tmp_path):
    error = refusal(remote(served), tmp_path / "no" / "a.tar")
    assert error.code == ErrorCode.NOT_WRITABLE


def test_stopping_keeps_what_came(served, tmp_path):
    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch(remote(served), tmp_path / "a.tar", on_progress=stop)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT[:2_000_000]
    fetch(remote(served), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


@pytest.mark.parametrize("url", ["http://example.org/a", "file:///etc/hosts", "a.tar"])
def test_nothing_but_https_is_fetched(tmp_path, url):
    with pytest.raises(WrongUse, match="INVALID_OPTION: files are only fetched over"):
        fetch(RemoteFile(url=url, md5=MD5), tmp_path / "a.tar")


def test_a_redirection_away_from_https_is_not_followed_into_a_file(served, tmp_path):
    try:
        with serving(Served(files={"/a.tar": CONTENT}), "127.0.0.2") as other:
            served.moved_to = {"/a.tar": f"{other.url}/a.tar"}
            with pytest.raises(WrongUse, match="INVALID_OPTION"):
                fetch(remote(served), tmp_path / "a.tar")
            assert not other.ranges, "it was not even asked"
    except OSError:
        pytest.skip("this system has one address of its own only")
    assert not (tmp_path / "a.tar").exists()


def test_sizes_are_read_in_megabytes_or_gigabytes():
    assert shown_bytes(3_120) == "3.12 kB"
    assert shown_bytes(28_425_216) == "28.4 MB"
    assert shown_bytes(1_610_352_640) == "1.61 GB"
