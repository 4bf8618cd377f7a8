"""The soak test: a thousand cases with every hazard, killed at twenty moments.

    pytest tests/on_demand/cohort/test_soak.py -s

It does what `tests/core/cohort/test_soak.py` does with few cases, and follows the
memory of the processes. `--soak-cases`, `--soak-kills` and `--soak-shards` change how
much; four shards have a network of their own each where `unshare -n` is allowed.
"""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.core.cohort.long_runs import (
    MemoryWatch,
    kill_all,
    medseg_command,
    wait_for_events,
)
from tests.core.cohort.test_soak import (
    PARTLY_DONE,
    Size,
    Soak,
    one_thread,
    planned,
    pytestmark,
    require_same,
    test_a_run_that_is_killed_at_random_ends_like_one_that_was_not,
    test_good_cases_are_done_and_each_bad_one_is_a_typed_row,
    test_results_are_those_of_single_cases_and_of_the_evaluation,
)

__all__ = [
    "one_thread",
    "planned",
    "pytestmark",
    "test_a_run_that_is_killed_at_random_ends_like_one_that_was_not",
    "test_good_cases_are_done_and_each_bad_one_is_a_typed_row",
    "test_results_are_those_of_single_cases_and_of_the_evaluation",
]

MOST_GROWTH = 1.05


@pytest.fixture(scope="module")
def size(request):
    option = request.config.getoption
    return Size(
        cases=option("--soak-cases"),
        kills=option("--soak-kills"),
        shards=option("--soak-shards"),
        limit_s=20.0,
        looked_at=20,
    )


@pytest.fixture(scope="module")
def watched(planned):
    """The undisturbed run, and the memory of its processes."""
    with planned.start() as process, MemoryWatch(planned, process) as memory:
        exit_code = process.wait()
    return exit_code, memory


@pytest.fixture(scope="module")
def soak(size, planned, watched):
    return Soak(size, planned, exit_code=watched[0])


def test_memory_stays_flat(size, planned, watched):
    """From a tenth of the cases on; a process that replaces one from its start on.

    What was started after the case that hangs was given up begins its series there.
    """
    _, memory = watched
    step = size.cases // 10
    series = memory.lasting(step, size.cases)

    assert len(series) == 1 + planned.workers
    for pid, by_cases in series.items():
        name = "supervisor" if pid == memory.process.pid else "worker"
        values = list(by_cases.values())
        growth = max(values) / values[0] - 1
        shown = "  ".join(f"{at}: {mib:.1f}" for at, mib in by_cases.items())
        sys.stdout.write(f"\n{name}, MiB by cases: {shown}; growth {growth:.1%}\n")
        assert max(values) <= values[0] * MOST_GROWTH


def test_parts_that_share_only_a_folder_make_the_same(soak, apart):
    shards = soak.size.shards
    parts = [
        soak.again("parts", workers=1, shard=f"{number}/{shards}", before=apart)
        for number in range(1, shards + 1)
    ]
    processes = [part.start() for part in parts]

    assert wait_for_events(parts[-1], processes[-1], soak.size.cases // shards)
    kill_all(processes[-1])
    assert parts[-1].finish() == ends_with(soak, shards, shards)
    for number, process in enumerate(processes[:-1], start=1):
        assert process.wait() == ends_with(soak, number, shards)
    assert medseg_command("cohort", "merge", parts[0].out) == PARTLY_DONE

    require_same(replace(parts[0], shard=""), soak.run)


def test_workers_of_a_cluster_of_which_one_is_killed_make_the_same(soak):
    """But for the stacks of the process that a case has blocked: dask's alone tell."""
    distributed = pytest.importorskip("distributed")
    run = soak.again("cluster")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=None
    ) as cluster:
        process = run.start("--scheduler", cluster.scheduler_address)
        assert wait_for_events(run, process, soak.size.cases // 2)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        assert process.wait() == PARTLY_DONE

    shutil.rmtree(run.out / "logs")
    require_same(run, soak.run)


@pytest.fixture(scope="module")
def apart():
    """Words that give a process a network of its own, where the kernel lets us."""
    for words in (("unshare", "-n"), ("unshare", "-rn")):
        try:
            done = subprocess.run([*words, "true"], capture_output=True, check=False)
        except FileNotFoundError:
            return ()
        if done.returncode == 0:
            return words
    return ()


def ends_with(soak, number, shards):
    """The exit code of a part: whether a case of it is bad."""
    names = soak.cohort.all[number - 1 :: shards]
    has_bad = any(name in soak.cohort.bad for name in names)
    return PARTLY_DONE if has_bad else 0
