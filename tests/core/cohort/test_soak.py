"""A cohort with every hazard, once undisturbed, once killed again and again.

The same tests run over a thousand cases on demand, and in parts, too:
`tests/on_demand/cohort`.
"""

import csv
import hashlib
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

import medseg
from medseg.cohort.folder.journal import Done, read_events
from medseg.core.errors import ErrorCode
from medseg.core.settings import Device, InferenceSettings
from tests.core.cohort.hazards import Cohort, make_cohort
from tests.core.cohort.long_runs import (
    LongRun,
    contents,
    kill_all,
    kill_parent,
    times_done,
    wait_for_events,
    wait_for_tables,
)
from tests.core.making import TINY_PLAN, save_untrained

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX's signals"),
]

PARTLY_DONE = 3


@dataclass(frozen=True)
class Size:
    """How much is done.

    Attributes:
        cases: Good and bad ones.
        kills: Moments at which a run is killed.
        shards: Parts of the run in parts.
        limit_s: What a case may take.
        looked_at: Cases that are done once more, alone.
    """

    cases: int
    kills: int
    shards: int
    limit_s: float
    looked_at: int


@dataclass(frozen=True)
class Soak:
    """A run that nobody disturbs, and what came of it."""

    size: Size
    run: LongRun
    exit_code: int

    @property
    def cohort(self) -> Cohort:
        return self.run.cohort

    def again(self, name: str, **changes) -> LongRun:
        """The same run into another folder."""
        return replace(self.run, out=self.run.out.parent / name, **changes)


@pytest.fixture(scope="module")
def size():
    return Size(cases=24, kills=2, shards=2, limit_s=40.0, looked_at=4)


@pytest.fixture(scope="module")
def planned(size, tmp_path_factory):
    """The run before it has begun."""
    folder = tmp_path_factory.mktemp("soak")
    cohort = make_cohort(folder / "scans", size.cases)
    model = save_untrained(TINY_PLAN, folder / "tiny")
    return LongRun(cohort, model, folder / "undisturbed", size.limit_s)


@pytest.fixture(scope="module")
def soak(size, planned):
    return Soak(size, planned, exit_code=planned.finish())


def test_good_cases_are_done_and_each_bad_one_is_a_typed_row(soak):
    status = medseg.cohort_status(soak.run.out)
    with (soak.run.out / "failures.csv").open(newline="") as file:
        rows = {row["case"]: ErrorCode(row["code"]) for row in csv.DictReader(file)}

    assert soak.exit_code == PARTLY_DONE
    assert rows == soak.cohort.bad
    done = tuple(name for name, state in status.states if state == "done")
    assert done == soak.cohort.good


@pytest.fixture
def one_thread():
    """As in the runs: sums in bfloat16 depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_results_are_those_of_single_cases_and_of_the_evaluation(soak, tmp_path):
    model = medseg.load_model(soak.run.model)
    settings = InferenceSettings(device=Device("cpu"))
    chosen = np.random.default_rng(0).choice(soak.cohort.good, soak.size.looked_at)
    for name in chosen:
        volume = medseg.read_volume(soak.cohort.folder / f"images/{name}.nii.gz")
        alone = medseg.segment(volume, model, settings)
        path = soak.run.out / f"segmentations/{name}.nii.gz"
        np.testing.assert_array_equal(medseg.read_segmentation(path).array, alone.array)

    references = soak.cohort.folder / "references"
    evaluation = medseg.evaluate(soak.run.out / "segmentations", references)
    medseg.write_scores(evaluation, tmp_path / "scores.csv")
    for name in ("scores.csv", "scores.lesions.csv"):
        assert (soak.run.out / name).read_text() == (tmp_path / name).read_text()


def test_a_run_that_is_killed_at_random_ends_like_one_that_was_not(soak):
    run = soak.again("killed")
    rng = np.random.default_rng(soak.size.kills)
    landed = 0
    while landed < soak.size.kills:
        landed += killed(run, landed, soak.size, rng)
        if (run.out / "manifest.csv").exists():
            medseg.cohort_status(run.out)  # which reads the journal

    assert run.finish() == PARTLY_DONE
    require_same(run, soak.run)


def killed(run, landed, size, rng) -> bool:
    """Start and kill once; whether the run had not ended before.

    Most are killed amid the cases, some while they load, the last ones at their
    tables; of one in four only the parent is killed.
    """
    process = run.start()
    if landed >= size.kills - size.kills // 10:
        wait_for_tables(run, process)
        time.sleep(rng.uniform(0, 0.05))
    elif landed % 5 == 4:
        time.sleep(rng.uniform(0, 5))
    else:
        wait_for_events(run, process, rng.integers(1, max(10, size.cases // 5)))
        time.sleep(rng.uniform(0, 0.3))
    has_landed = process.poll() is None
    kill = kill_parent if landed % 4 == 3 else kill_all
    kill(process)
    assert has_landed or process.returncode == PARTLY_DONE
    done = sum(times_done(run.events()).values())
    sys.stdout.write(f"{kill.__name__}: {has_landed}, {done} done by then\n")
    return has_landed


def require_same(run, other):
    """The same files, byte for byte, of whole journals; and nothing done twice."""
    found, expected = contents(run.out), contents(other.out)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    events = run.events()
    assert set(times_done(events).values()) == {1}
    lines = sum(path.read_bytes().count(b"\n") for path in run.journals)
    assert lines == len(events) == len(read_events(run.journals))
    for event in events:
        for file in event.files if isinstance(event, Done) else ():
            assert hashlib.sha256(found[file.name]).hexdigest() == file.sha256
