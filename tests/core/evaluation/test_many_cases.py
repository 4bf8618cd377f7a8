"""Many cases in several processes, some of which die, in memory that stays flat."""

import multiprocessing
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

import medseg
from medseg import ErrorCode, EvaluationSettings
from tests.core.evaluation.files import GEOMETRY, ORGANS, SHAPE

TWO_WORKERS = EvaluationSettings(workers=2)


def write_cases(folder, count, seed=0):
    """Label maps of noise, no two alike."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        array = (rng.random(SHAPE) < 0.3).astype(np.uint8) * (1 + number % 2)
        labels = medseg.Segmentation(array=array, geometry=GEOMETRY, labels=ORGANS)
        medseg.write_segmentation(labels, folder / f"case_{number:03}.nii")
    return folder


@pytest.fixture
def folders(tmp_path):
    return write_cases(tmp_path / "mine", 12, 1), write_cases(tmp_path / "truth", 12)


def test_workers_change_nothing_but_the_time(folders):
    alone = medseg.evaluate(*folders)
    steps: list[medseg.Progress] = []
    together = medseg.evaluate(*folders, settings=TWO_WORKERS, on_progress=steps.append)
    assert together == alone
    assert [step.done for step in steps] == list(range(1, 13))


def test_cases_that_fail_in_a_worker_are_told_as_well(folders):
    (folders[0] / "case_005.nii").write_bytes(b"Dear colleague")
    alone, together = (
        medseg.evaluate(*folders, settings=EvaluationSettings(workers=workers))
        for workers in (1, 2)
    )
    assert together.failed == alone.failed
    assert len(together.cases) == 11


def test_a_killed_worker_costs_no_case(folders):
    """As when the system is short of memory for a moment."""
    alone = medseg.evaluate(*folders)
    killed: list[int | None] = []

    def kill_one(_: medseg.Progress) -> None:
        if not killed:
            child = multiprocessing.active_children()[0]
            child.kill()
            killed.append(child.pid)

    together = medseg.evaluate(*folders, settings=TWO_WORKERS, on_progress=kill_one)
    assert killed
    assert together == alone


def test_a_case_whose_worker_always_dies_is_a_failed_case(folders):
    for folder in folders:
        for file in sorted(folder.iterdir())[8:]:  # four of the twelve stay
            file.unlink()
    ended = threading.Event()

    def kill_all() -> None:
        while not ended.is_set():
            for child in multiprocessing.active_children():
                child.kill()
            time.sleep(0.01)

    killer = threading.Thread(target=kill_all)
    killer.start()
    try:
        evaluation = medseg.evaluate(*folders, settings=TWO_WORKERS)
    finally:
        ended.set()
        killer.join()
    assert evaluation.cases == ()
    assert {case.code for case in evaluation.failed} == {ErrorCode.WORKER_DIED}
    assert len(evaluation.failed) == 4


def test_cancelling_ends_the_workers(folders):
    def cancel(_: medseg.Progress) -> None:
        raise medseg.Cancelled

    with pytest.raises(medseg.Cancelled):
        medseg.evaluate(*folders, settings=TWO_WORKERS, on_progress=cancel)
    assert not multiprocessing.active_children()


def test_ninety_cases_take_no_more_memory_than_thirty(tmp_path):
    """A label map is 0.7 kB here; what grows is the scores, a few kB a case."""
    mine, truth = write_cases(tmp_path / "mine", 90, 1), tmp_path / "truth"
    write_cases(truth, 90)
    held: list[int] = []

    def note(progress: medseg.Progress) -> None:
        if progress.done in (30, 90):
            held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    evaluation = medseg.evaluate(mine, truth, on_progress=note)
    tracemalloc.stop()
    assert len(evaluation.cases) == 90
    assert held[1] - held[0] < 60 * 8_000


def test_what_a_worker_loads_is_light():
    code = (
        "import sys, medseg.evaluation.scoring, medseg.evaluation.pool\n"
        "heavy = {'torch', 'monai', 'SimpleITK', 'pydicom', 'matplotlib', 'pandas',\n"
        "         'jinja2', 'PIL', 'pydantic', 'cyclopts', 'statsmodels'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
