"""Runs that are told to end, as Slurm tells all processes of a job."""

import os
import signal
import sys
import time
from dataclasses import replace

import pytest
from filelock import FileLock

import medseg
from medseg.cohort.folder.journal import Done, Requeued, latest_of
from medseg.cohort.folder.places import Places
from medseg.core.cohort import CaseState
from tests.core.cohort.hazards import Fate
from tests.core.cohort.long_runs import (
    LOOK_S,
    contents,
    members,
    wait_for_events,
    wait_until_gone,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX's signals"),
]

INTERRUPTED = 130


def told_to_end(process):
    """SIGTERM to every process of the run; its exit code."""
    os.killpg(process.pid, signal.SIGTERM)
    exit_code = process.wait()
    wait_until_gone(process)
    return exit_code


def require_free(run):
    with FileLock(Places(run.out).lock(None), timeout=0):
        pass


def test_running_cases_end_or_are_given_back_and_the_next_run_does_the_rest(
    undisturbed, tmp_path
):
    run = replace(undisturbed, out=tmp_path / "out")
    (blocking,) = (name for name, fate in run.cohort.fates.items() if fate is Fate.HANG)
    process = run.start("--grace-s", "2")
    while not has_begun(run, blocking):
        assert process.poll() is None
        time.sleep(LOOK_S)

    assert told_to_end(process) == INTERRUPTED

    last = latest_of(run.events())
    assert isinstance(last[blocking], Requeued)
    assert {type(event) for event in last.values()} <= {Requeued, Done}
    assert medseg.cohort_status(run.out).count(CaseState.RUNNING) == 0
    require_free(run)
    assert run.finish_command() == 0
    assert contents(run.out) == contents(undisturbed.out)


def test_a_run_whose_processes_are_ended_while_they_load_was_stopped_and_did_not_fail(
    undisturbed, tmp_path
):
    run = replace(undisturbed, out=tmp_path / "out", workers=3)
    process = run.start()
    assert wait_for_events(run, process, 1)
    while len(members(process.pid)) < 1 + run.workers:
        assert process.poll() is None
        time.sleep(LOOK_S)

    assert told_to_end(process) == INTERRUPTED

    assert medseg.cohort_status(run.out).count(CaseState.FAILED) == 0
    require_free(run)


def has_begun(run, name):
    return any(
        event.event == "started" and event.case_id == name for event in run.events()
    )
