"""Three small scans, and a few more, and a model that has learned nothing."""

import pytest

from tests.core.cohort.hazards import Fate, make_good_cohort
from tests.core.cohort.long_runs import LongRun
from tests.core.cohort.small_cohort import Run, written_scans
from tests.core.making import TINY_PLAN, save_untrained


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_untrained(TINY_PLAN, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def scans(tmp_path):
    return written_scans(tmp_path / "scans")


@pytest.fixture
def run(scans, model):
    return Run(scans, model)


@pytest.fixture(scope="module")
def _finished_once(model, tmp_path_factory):
    run = Run(written_scans(tmp_path_factory.mktemp("finished") / "scans"), model)
    assert run().is_complete
    return run


@pytest.fixture
def finished(_finished_once, tmp_path):
    """A run that is done, with a copy of its own of scans and results."""
    return _finished_once.copied(tmp_path / "finished")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The command over eight good scans, of which one blocks hazardous runs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    cohort = make_good_cohort(folder / "scans", 8, {"case-0003": Fate.HANG})
    model = save_untrained(TINY_PLAN, folder / "tiny")
    run = LongRun(cohort, model, folder / "out", limit_s=3600.0)
    assert run.finish_command() == 0
    return run
