"""Cases over the workers of a cluster that die, hang, come late or do not suit.

    pytest tests/on_demand/cohort/test_dask.py

On a machine that is very slow a nanny may give up a worker for good that was ended
while it started; the next test then has a cluster of its own.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

import medseg
from medseg.cohort.recipe import CohortWork
from medseg.cohort.stages import Begun, Finished, GivenUp, Refused
from medseg.core.cohort import CohortCase
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from tests.core.cohort.fateful import NO_MODEL, FatefulExecutor, read_diary
from tests.core.making import TINY_PLAN, save_untrained

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX's signals"),
]

CLOSED_PORT = "tcp://127.0.0.1:9"
GPU = {"GPU": 1.0}
PATIENCE_S = 300.0  # for what takes seconds: the machine may be very slow


def cluster_of(workers, threads=1, **options):
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        dashboard_address=":0",
        memory_limit=None,
        **options,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_untrained(TINY_PLAN, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def kept():
    """The cluster that tests share, for as long as it is whole."""
    clusters = [cluster_of(2)]
    yield clusters
    clusters.pop().close()


@pytest.fixture
def cluster(kept):
    """Two workers that answer, whatever earlier tests have done to theirs."""
    if not is_whole(kept[-1]):
        kept.pop().close()
        kept.append(cluster_of(2))
    return kept[-1]


def is_whole(cluster):
    with distributed.Client(cluster.scheduler_address) as client:
        try:
            client.wait_for_workers(2, timeout=PATIENCE_S)
            return len(client.run(os.getpid, on_error="ignore")) == 2
        except TimeoutError:
            return False


@pytest.fixture
def on(tmp_path, model):
    """What becomes of cases of such names."""

    def run_on(cluster, names, should_stop=lambda: False, model=str(model), **settings):
        address = getattr(cluster, "scheduler_address", cluster)
        executor = FatefulExecutor(scheduler=address, **settings)
        work = CohortWork(
            folder=tmp_path,
            make=medseg.WhatToMake(models=(model,)),
            cases=tuple(
                CohortCase(case_id=name, images=(Path("scan"),)) for name in names
            ),
        )
        end_s = time.monotonic() + PATIENCE_S

        def in_time():
            assert time.monotonic() < end_s, "nothing happens any more"
            return should_stop()

        return executor(work, in_time)

    return run_on


def ends(outcomes):
    """What became of each case in the end."""
    found = {}
    for outcome in outcomes:
        if isinstance(outcome, Finished | Refused):
            assert outcome.task.case_id not in found
            code = outcome.error.code if isinstance(outcome, Refused) else "done"
            found[outcome.task.case_id] = code
    return found


def has_ended(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until(condition):
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_what_goes_wrong_with_a_case_is_told_and_costs_no_other(cluster, on, tmp_path):
    names = ["crash", "good_1", "bug", "hang", "refused", "greedy", "good_2", "good_3"]

    outcomes = list(on(cluster, names, time_limit_s=5.0))

    assert ends(outcomes) == {
        "crash": ErrorCode.WORKER_DIED,
        "bug": ErrorCode.UNFORESEEN,
        "hang": ErrorCode.TIMED_OUT,
        "refused": ErrorCode.TRUNCATED_FILE,
        "greedy": ErrorCode.OUT_OF_MEMORY,
        **dict.fromkeys(["good_1", "good_2", "good_3"], "done"),
    }
    texts = {o.task.case_id: o.traceback for o in outcomes if isinstance(o, Refused)}
    assert "ZeroDivisionError: a bug" in texts["bug"]
    assert "_hang" in texts["hang"]  # the stacks of the process as it was ended
    tried = {pid for pid, text in read_diary(tmp_path) if text == "computes crash"}
    assert len(tried) == 3  # each time in another process
    assert not list(tmp_path.glob("logs/*"))


def test_nothing_runs_on_when_all_is_to_stop(cluster, on, tmp_path):
    def should_stop():
        return "computes hang" in str(diary(tmp_path))

    names = ["hang", "good_1", "good_2"]
    outcomes = list(on(cluster, names, should_stop, grace_s=1.0))

    (pid,) = [pid for pid, text in diary(tmp_path) if text == "computes hang"]
    wait_until(lambda: has_ended(pid))
    given_up = [o.task.case_id for o in outcomes if isinstance(o, GivenUp)]
    assert given_up == ["hang"]
    begun = {o.task.case_id for o in outcomes if isinstance(o, Begun)}
    assert set(ends(outcomes)) == begun - {"hang"}


def test_nothing_runs_on_when_whoever_listens_has_enough(cluster, on, tmp_path):
    outcomes = on(cluster, ["hang"])
    next(outcomes)
    wait_until(lambda: "computes hang" in str(diary(tmp_path)))

    outcomes.close()

    wait_until(lambda: has_ended(diary(tmp_path)[-1][0]))


def diary(folder):
    return read_diary(folder) if (folder / "diary").exists() else []


def test_an_engine_is_loaded_once_for_many_runs_until_the_model_is_another(
    cluster, on, tmp_path
):
    list(on(cluster, ["good_1", "good_2", "good_3", "good_4"]))
    list(on(cluster, ["good_5", "good_6"]))
    before = [pid for pid, text in diary(tmp_path) if text == "loads"]
    assert len(before) == len(set(before))

    list(on(cluster, ["good_7"], model="hippocampus"))

    loads = [pid for pid, text in diary(tmp_path) if text == "loads"]
    assert len(loads) == len(before) + 1


def test_an_engine_that_cannot_be_loaded_anywhere_ends_the_work(cluster, on, tmp_path):
    (tmp_path / NO_MODEL).touch()

    with pytest.raises(WrongUse, match="UNKNOWN_MODEL"):
        list(on(cluster, ["good_1", "good_2"]))


def test_a_worker_with_two_threads_computes_one_case_at_a_time(on, tmp_path):
    names = [f"good_{number}" for number in range(12)]
    with cluster_of(1, threads=2) as cluster:
        found = ends(on(cluster, names))

    assert found == dict.fromkeys(names, "done")
    computing = [t.split() for _, t in diary(tmp_path) if t.startswith("comput")]
    for (begun, first), (ended, second) in pairwise(computing):
        assert begun == ended or first == second or begun == "computed"


def test_no_scheduler_is_told_in_one_line(on):
    with pytest.raises(WrongUse, match=r"NO_CLUSTER.*127\.0\.0\.1:9") as raised:
        list(on(CLOSED_PORT, ["good"]))

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("address", ["smoke://signals", ""])
def test_an_address_that_is_none_is_told(on, address):
    with pytest.raises(WrongUse, match="NO_CLUSTER"):
        list(on(address, ["good"]))


def test_workers_of_which_none_has_the_resource_are_not_waited_for_in_vain(cluster, on):
    outcomes = on(cluster, ["good"], resources=GPU, patience_s=10.0)

    assert "2 of 2 workers idle" in next(o.text for o in outcomes)
    with pytest.raises(UnusableInput, match=r"NO_CLUSTER.*GPU=1.*--resources GPU=1"):
        list(outcomes)


def test_workers_may_come_late_and_only_those_that_suit_are_used(on, tmp_path):
    heard = []
    with cluster_of(0) as cluster, Workers(cluster) as workers:
        unfit = workers.add()
        for outcome in on(cluster, ["good_1", "good_2"], resources=GPU):
            heard.append(outcome)
            if "1 of 1 workers idle" in str(outcome):
                workers.add("--resources", "GPU=1")

    assert ends(heard) == {"good_1": "done", "good_2": "done"}
    assert unfit.pid not in {pid for pid, _ in diary(tmp_path)}


def test_a_worker_with_another_medseg_is_not_used(on, tmp_path):
    told = tmp_path / "other/medseg-0.0.7.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Name: medseg\nVersion: 0.0.7\n")
    with cluster_of(0) as cluster, Workers(cluster) as workers:
        workers.add(PYTHONPATH=str(told.parent))
        with pytest.raises(UnusableInput, match=r"NO_CLUSTER.*MedSeg 0\.0\.7"):
            list(on(cluster, ["good"], patience_s=10.0))


class Workers(ExitStack):
    """Workers without a nanny, as a batch system starts them."""

    def __init__(self, cluster):
        super().__init__()
        self.address = cluster.scheduler_address

    def add(self, *options, **environment):
        words = ["-m", "distributed.cli.dask_worker", self.address, "--nthreads", "1"]
        worker = subprocess.Popen(
            [sys.executable, *words, "--no-nanny", "--no-dashboard", *options],
            env={**os.environ, **environment},
        )
        self.enter_context(worker)
        self.callback(worker.terminate)
        return worker
