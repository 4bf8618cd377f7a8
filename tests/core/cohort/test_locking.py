"""Two runs never work on the same cases at once."""

import subprocess
import sys
from threading import Timer

import pytest
from filelock import FileLock

from medseg.cohort.folder.locking import is_held, sole_run
from medseg.cohort.folder.places import Places, Shard
from medseg.core.errors import ErrorCode, WrongUse

HOLD = """
import sys, time
from pathlib import Path
from medseg.cohort.folder.locking import sole_run
from medseg.cohort.folder.places import Places, Shard
shard = Shard.parsed(sys.argv[2]) if sys.argv[2] else None
with sole_run(Places(Path(sys.argv[1])), shard):
    print("held", flush=True)
    sys.stdin.read()
"""


class Holder:
    """Another process that runs in a folder, until it is killed."""

    def __init__(self, folder, shard=""):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder), shard],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"held\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def refused(folder, shard):
    with pytest.raises(WrongUse) as raised, sole_run(Places(folder), shard):
        pass
    return raised.value.code is ErrorCode.IN_USE


def test_a_second_run_of_the_whole_is_refused(tmp_path):
    with Holder(tmp_path):
        assert refused(tmp_path, None)


def test_a_part_and_the_whole_exclude_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr("medseg.cohort.folder.locking._WAIT_S", 0.2)
    with Holder(tmp_path, "1/2"):
        assert refused(tmp_path, None)
    with Holder(tmp_path):
        assert refused(tmp_path, Shard(1, 2))


def test_parts_run_beside_each_other_but_none_twice(tmp_path):
    with Holder(tmp_path, "1/2"):
        with sole_run(Places(tmp_path), Shard(2, 2)):
            pass
        assert refused(tmp_path, Shard(1, 2))


def test_parts_that_were_cut_differently_exclude_each_other(tmp_path):
    with Holder(tmp_path, "1/2"):
        assert refused(tmp_path, Shard(3, 4))


def test_the_lock_of_a_run_that_was_killed_is_free(tmp_path):
    with Holder(tmp_path):
        pass

    with sole_run(Places(tmp_path), None):
        pass


def test_whether_a_run_works_here_is_seen_without_disturbing_it(tmp_path):
    lock = Places(tmp_path).lock(None)
    assert not is_held(lock)
    assert not lock.exists()
    with Holder(tmp_path) as holder:
        assert is_held(lock)
        assert holder.process.poll() is None
    assert not is_held(lock)


def test_a_run_begins_although_somebody_just_looks_whether_there_is_one(tmp_path):
    lock = FileLock(Places(tmp_path).lock(None), thread_local=False)
    lock.acquire()
    Timer(0.2, lock.release).start()
    with sole_run(Places(tmp_path), None):
        pass


def test_a_part_is_written_as_a_fraction():
    assert Shard.parsed("2/8") == Shard(2, 8)
    for text in ("0/8", "9/8", "2", "a/b", "1/0", "-1/2"):
        with pytest.raises(WrongUse):
            Shard.parsed(text)
