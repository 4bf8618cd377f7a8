"""What processes that were killed leave behind, and what they must not."""

from dataclasses import dataclass

import pytest
from filelock import FileLock

import medseg
from medseg.cohort.folder.places import Places
from medseg.cohort.stages import Engine, Finished
from medseg.cohort.workers.supervisor import Limits, each_outcome

resource = pytest.importorskip("resource")  # of POSIX

UNFINISHED = ".partial-0123456789ab-"


@pytest.mark.slow
def test_files_that_were_not_finished_stop_no_run_and_are_removed(run):
    run.out.mkdir()
    (run.out / f"{UNFINISHED}cohort.json").write_text("{")

    assert run().is_complete

    assert not list(run.out.rglob(".partial-*"))
    half = run.out / f"segmentations/{UNFINISHED}a.nii.gz"
    half.touch()
    with FileLock(Places(run.out).lock(medseg.Shard(1, 2))):
        medseg.merge_cohort(run.out)  # while a part may still be writing it
        assert half.exists()
    medseg.merge_cohort(run.out)
    assert not half.exists()


@dataclass(frozen=True)
class LimitsRecipe:
    """An engine that tells how large a core file of its process may be."""

    def start(self) -> Engine[str, tuple[int, int]]:
        return Engine(read=_core_limits, compute=_made, write=_made)


def _core_limits(_task: str) -> tuple[int, int]:
    limits: tuple[int, int] = resource.getrlimit(resource.RLIMIT_CORE)
    return limits


def _made(_task: str, made: tuple[int, int]) -> tuple[int, int]:
    return made


def test_a_process_that_crashes_leaves_no_memory_on_disk():
    outcomes = each_outcome([LimitsRecipe()], ["one"], Limits(), lambda: False)

    (done,) = (each for each in outcomes if isinstance(each, Finished))
    assert done.result == (0, 0)
