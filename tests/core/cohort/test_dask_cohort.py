"""The same cohort on a cluster: workers killed, the scheduler lost in the middle."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

import medseg
from medseg.cohort.folder.journal import Done, read_events
from medseg.core.cohort import CaseState
from medseg.core.errors import UnusableInput, WrongUse
from medseg.core.settings import Device
from medseg.evaluation.pool import processor_count
from tests.core.cohort.small_cohort import Run, write_scan

distributed = pytest.importorskip("distributed")
ours = pytest.importorskip("medseg.cohort.dask.cluster")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX's"),
]


@pytest.fixture(scope="module")
def alone(model, tmp_path_factory):
    """A run that nothing disturbs, on this machine."""
    scans = tmp_path_factory.mktemp("cohort") / "scans"
    for folder in ("images", "references"):
        (scans / folder).mkdir(parents=True)
    for number in range(5):
        write_scan(scans, f"case_{number}", number)
    alone = Run(scans, model, instances=medseg.InstanceRules())
    go_on(alone)
    return alone


@pytest.fixture
def spread(alone, model, tmp_path):
    spread = Run(alone.scans, model, instances=medseg.InstanceRules())
    spread.out = tmp_path / "spread"
    return spread


def go_on(run):
    """On this machine; a processor for each worker, as on the clusters below."""
    how = medseg.HowToRun(workers=processor_count())
    executor = medseg.LocalExecutor(how=how)
    return medseg.run_cohort(run.cases(), run.out, run.make, executor)


def run_on(address, run, on_progress):
    executor = medseg.DaskExecutor(scheduler=address, device=Device("cpu"))
    return medseg.run_cohort(
        run.cases(), run.out, run.make, executor, on_progress=on_progress
    )


def test_a_cluster_gives_the_same_bytes_also_when_a_worker_is_killed(alone, spread):
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=None
    ) as cluster:
        victims = [worker.pid for worker in cluster.workers.values()][:1]

        def kill_one(progress):
            if progress.done and victims:
                os.kill(victims.pop(), signal.SIGKILL)

        status = run_on(cluster.scheduler_address, spread, kill_one)

    assert not victims
    assert status.is_complete
    assert spread.files() == alone.files()


@pytest.mark.parametrize("address", ["nonsense", "", "/scheduler", "host:"])
def test_what_is_no_address_is_refused_before_anything_is_written(address):
    with pytest.raises(WrongUse, match="NO_CLUSTER: this is no address"):
        medseg.DaskExecutor(scheduler=address)


@pytest.mark.parametrize("address", ["tcp://h:1", "h.org:8786", "tls://[::1]:8786"])
def test_addresses_as_dask_takes_them_are_taken(address):
    assert medseg.DaskExecutor(scheduler=address).scheduler == address


def test_a_run_whose_scheduler_is_killed_says_so_and_goes_on_later(
    alone, spread, caplog
):
    with scheduler_and_worker() as (scheduler, address):

        def kill_scheduler(progress):
            if progress.done:
                scheduler.kill()

        with pytest.raises(UnusableInput, match=r"NO_CLUSTER.*is gone") as raised:
            run_on(address, spread, kill_scheduler)

    assert "\n" not in str(raised.value)
    assert not [record for record in caplog.records if record.exc_info]
    journal = (spread.out / "journal.jsonl").read_text().splitlines()
    assert all(json.loads(line) for line in journal)
    status = medseg.cohort_status(spread.out)
    assert status.count(CaseState.DONE) > 0
    assert status.count(CaseState.RUNNING) == 0
    go_on(spread)
    done = [
        e for e in read_events([spread.out / "journal.jsonl"]) if isinstance(e, Done)
    ]
    assert len({event.case_id for event in done}) == len(done) == len(status.states)
    assert spread.files() == alone.files()


@pytest.mark.parametrize(
    ("error", "told"), [(distributed.client.AllExit, 0), (KeyError, 1)]
)
def test_a_result_that_is_lost_with_its_scheduler_leaves_no_traceback(
    error, told, caplog
):
    """Which asyncio logs of a task that nobody waits for, as dask's then are."""

    async def fail():
        raise error

    async def start():
        task = asyncio.get_running_loop().create_task(fail())
        await asyncio.wait([task])

    ours.leave_out_early_exits()
    asyncio.run(start())
    gc.collect()
    assert len([record for record in caplog.records if record.exc_info]) == told


@contextmanager
def scheduler_and_worker():
    """Processes of their own, as on a cluster; and the address."""
    python = [sys.executable, "-m"]
    with ExitStack() as running:
        words = ["distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
        scheduler = subprocess.Popen(
            [*python, *words, "--host", "127.0.0.1"], stderr=subprocess.PIPE, text=True
        )
        running.enter_context(scheduler)
        running.callback(scheduler.kill)
        assert scheduler.stderr is not None
        address = next(
            line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line
        )
        words = ["distributed.cli.dask_worker", address, "--nthreads", "1"]
        worker = subprocess.Popen([*python, *words, "--no-nanny", "--no-dashboard"])
        running.enter_context(worker)
        running.callback(worker.kill)
        yield scheduler, address
