"""One worker process: the time of its tasks, and its end."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest

from medseg.cohort.stages import Begun, Stage
from medseg.cohort.workers.lane import Lane
from medseg.cohort.workers.supervisor import Limits, each_outcome
from medseg.cohort.workers.worker import StageBegun, Waits
from tests.core.cohort.workshop import HOURS_S, OPEN, Fate, Task, WorkshopRecipe

PATIENCE_S = 60.0
LOOK_S = 0.05
FREEZE = Task("freeze", Fate.FREEZE)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for it")


@pytest.fixture
def lane(tmp_path):
    lane = Lane(WorkshopRecipe(tmp_path), None)
    yield lane
    lane.kill()


def hear(lane, wanted, times=1):
    """Hear what the process says until it has said something so many times."""
    messages: list[object] = []
    while messages.count(wanted) < times:
        assert lane.connection.poll(PATIENCE_S), messages
        messages.extend(lane.messages())


def wait_until(is_so):
    end_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(LOOK_S)


def has_ended(pid):
    """Whether a process is gone, or only waits for its parent to notice."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        )
    return True


def test_a_task_that_waits_until_another_is_written_is_not_at_work(lane, tmp_path):
    lane.send(0, Task("writes", Fate.WAITS, Stage.WRITING), is_alone=False)
    hear(lane, StageBegun(0, Stage.WRITING))
    lane.send(1, Task("next"), is_alone=False)

    hear(lane, Waits(1), times=2)  # it was read, and computed

    assert lane.flights[0].since_s is not None
    assert lane.flights[1].since_s is None
    (tmp_path / OPEN).touch()
    hear(lane, StageBegun(1, Stage.WRITING))
    assert lane.flights[1].since_s is not None


@linux_only
def test_a_process_that_hangs_ends_with_a_parent_that_is_killed(tmp_path):
    """Python's own lock is held in it, so that no thread of it can look after that."""
    command = [sys.executable, "-m", "tests.core.cohort.orphaned_run", str(tmp_path)]
    pid_file = tmp_path / "freeze.pid"
    with subprocess.Popen(command) as parent:
        wait_until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
        parent.kill()
    pid = int(pid_file.read_text())

    try:
        wait_until(lambda: has_ended(pid))
    finally:
        if not has_ended(pid):
            os.kill(pid, signal.SIGKILL)


@linux_only
def test_a_process_that_hangs_ends_with_the_thread_of_its_run(tmp_path):
    limits = Limits(time_limit_s=HOURS_S)
    outcomes = each_outcome([WorkshopRecipe(tmp_path)], [FREEZE], limits, lambda: False)
    others = multiprocessing.active_children()
    begun = []
    thread = threading.Thread(target=lambda: begun.append(next(outcomes)))
    thread.start()
    thread.join()

    wait_until(lambda: multiprocessing.active_children() == others)

    assert begun == [Begun(task=FREEZE)]
    assert isinstance(outcomes, Generator)
    outcomes.close()
