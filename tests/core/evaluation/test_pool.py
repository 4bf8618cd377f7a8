"""Tasks in processes, of which any may die.

What the processes run is Python's own `eval`, so that a task can be anything.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing.context import SpawnProcess

import pytest

from medseg.evaluation.pool import Died, each_result, processor_count

KILLED = "__import__('os').kill(__import__('os').getpid(), 9)"
CRASHED = "__import__('os')._exit(3)"
PID = "__import__('os').getpid()"
SLEEP = "__import__('time').sleep(99)"
SLOW = "__import__('time').sleep(0.2) or 'slow'"


def test_one_worker_is_this_process():
    assert list(each_result(eval, [PID], 1)) == [os.getpid()]


def test_several_workers_give_every_result_once():
    tasks = [f"{n} * {n}" for n in range(20)]
    results = list(each_result(eval, tasks, 2))
    assert sorted(map(str, results)) == sorted(str(n * n) for n in range(20))


def test_a_task_that_kills_its_process_costs_no_other():
    tasks = ["1 + 1", SLOW, KILLED, SLOW, "1 + 2", CRASHED, "1 + 3"]
    results = list(each_result(eval, tasks, 2))
    died = {result.task for result in results if isinstance(result, Died)}
    assert died == {KILLED, CRASHED}
    others = [str(result) for result in results if not isinstance(result, Died)]
    assert sorted(others) == ["2", "3", "4", "slow", "slow"]


def test_few_tasks_are_under_way_at_a_time(tmp_path):
    tasks = [f"open({str(tmp_path / str(n))!r}, 'w').close()" for n in range(50)]
    results = each_result(eval, tasks, 2)
    next(results)
    results.close()
    assert 1 <= len(list(tmp_path.iterdir())) <= 4
    assert not multiprocessing.active_children()


def test_an_error_of_the_function_passes_through_and_ends_the_processes():
    with pytest.raises(ZeroDivisionError):
        list(each_result(eval, ["1 / 0", *["1"] * 9], 2))
    assert not multiprocessing.active_children()


def test_an_error_says_where_in_the_process_it_arose():
    with pytest.raises(ZeroDivisionError) as raised:
        list(each_result(eval, ["1 / 0", "1"], 2))
    assert "pool.py" in raised.value.__notes__[0]


def test_a_process_that_dies_while_it_starts_loses_no_task(monkeypatch):
    start, started = SpawnProcess.start, []

    def first_dies(process):
        started.append(process)
        if len(started) == 1:
            raise BrokenPipeError  # as writing to one that has died does
        start(process)

    monkeypatch.setattr(SpawnProcess, "start", first_dies)
    assert set(each_result(eval, ["1", "2", "3"], 2)) == {1, 2, 3}


def test_a_system_that_starts_no_more_processes_is_not_overheard(monkeypatch):
    def full(_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(SpawnProcess, "start", full)
    with pytest.raises(BlockingIOError):
        list(each_result(eval, ["1", "2"], 2))


def test_no_task_gives_no_result():
    assert list(each_result(eval, [], 3)) == []


def test_workers_end_when_this_process_is_killed():
    code = (
        "from medseg.evaluation.pool import each_result\n"
        f"tasks = [{SLEEP!r}, {PID!r}]\n"
        "if __name__ == '__main__':\n"
        "    for pid in each_result(eval, tasks * 4, 2): print(pid, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        worker = int(run.stdout.readline())
        run.send_signal(signal.SIGKILL)
    for _ in range(100):
        if not is_running(worker):
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its parent")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_there_is_a_processor():
    assert processor_count() >= 1
