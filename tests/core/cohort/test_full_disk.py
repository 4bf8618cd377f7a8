"""A disk that is full ends a run, spoils nothing, and a later run does the rest."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest

import medseg
from medseg.cohort.folder.journal import Done
from medseg.core.cohort import CaseState
from tests.core.cohort.long_runs import REPOSITORY, contents, times_done

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX"),
]

LIMITED = """
import os, resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.execv(sys.argv[2], sys.argv[2:])
"""
SMALL_DISK = """
mount -t tmpfs -o size="$1" tmpfs "$2" || exit 77
shift
disk="$1"; copies="$2"; shift 2
"$@"; echo $? > "$copies/code"
cp -a "$disk" "$copies/full"
mount -o remount,size=64m "$disk"
"$@"; echo $? >> "$copies/code"
cp -a "$disk" "$copies/later"
"""
NO_MOUNT = 77
LIMIT_BYTES = 4000


def ended(words):
    return subprocess.run(
        [*map(str, words)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def require_nothing_half_written(run):
    """What the journal says is done is there, and nothing that was begun."""
    assert not list(run.out.rglob(".partial-*"))
    events = run.events()
    done = [event for event in events if isinstance(event, Done)]
    for file in (file for event in done for file in event.files):
        content = (run.out / file.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256


def stopped_by(run, option, where):
    """Run where only small files have room; the command, for later."""
    images = run.cohort.folder / "images"  # alone: scores would be the larger files
    command = [
        images if word == str(run.cohort.listed) else word for word in run.command
    ]
    limited = [sys.executable, "-c", LIMITED, LIMIT_BYTES]
    stopped = ended([*limited, *command, option])
    assert stopped.returncode == 1
    assert "DISK_FULL" in stopped.stderr.splitlines()[-1]
    assert where in stopped.stderr.splitlines()[-1]
    require_nothing_half_written(run)
    return [*command, option]


def test_no_room_for_a_file_of_a_case_stops_the_run(undisturbed, tmp_path):
    run = replace(undisturbed, out=tmp_path / "out")

    stopped_by(run, "--thumbnails", "thumbnails")

    assert medseg.cohort_status(run.out).count(CaseState.WAITING) == len(run.cohort.all)


def test_a_run_without_room_for_its_journal_is_gone_on_with(undisturbed, tmp_path):
    run = replace(undisturbed, out=tmp_path / "out")

    command = stopped_by(run, "--no-thumbnails", "journal.jsonl")

    assert 0 < sum(times_done(run.events()).values()) < len(run.cohort.all)
    assert ended(command).returncode == 0
    assert set(times_done(run.events()).values()) == {1}
    assert label_maps(run) == label_maps(undisturbed)


def label_maps(run):
    names = sorted((run.out / "segmentations").iterdir())
    return {path.name: path.read_bytes() for path in names}


def test_a_file_system_that_is_full_stops_the_run(undisturbed, tmp_path):
    run = replace(undisturbed, out=tmp_path / "disk")
    run.out.mkdir()
    half = sum(len(content) for content in contents(undisturbed.out).values()) // 2
    script = ["sh", "-c", SMALL_DISK, "sh", half, run.out, tmp_path]

    done = ended(["unshare", "-rm", *script, *run.command])

    if done.returncode == NO_MOUNT or not (tmp_path / "code").exists():
        pytest.skip("this kernel gives us no file system of our own")
    assert (tmp_path / "code").read_text().split() == ["1", "0"]
    assert "DISK_FULL" in done.stderr
    full = replace(run, out=tmp_path / "full")
    require_nothing_half_written(full)
    assert contents(tmp_path / "later") == contents(undisturbed.out)
