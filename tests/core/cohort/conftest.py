"""Three small scans, and a few more, and a model that has learned nothing."""

import pytest

from tests.core.cohort.hazards import Fate, make_good_cohort
from tests.core.cohort.long_runs import LongRun
from tests.core.cohort.small_cohort import CASES, Run, write_scan
from tests.core.making import TINY_PLAN, save_untrained


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_untrained(TINY_PLAN, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    (folder / "images").mkdir(parents=True)
    (folder / "references").mkdir()
    for number, name in enumerate(CASES):
        write_scan(folder, name, number)
    return folder


@pytest.fixture
def run(scans, model):
    return Run(scans, model)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The command over eight good scans, of which one blocks hazardous runs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    cohort = make_good_cohort(folder / "scans", 8, {"case-0003": Fate.HANG})
    model = save_untrained(TINY_PLAN, folder / "tiny")
    run = LongRun(cohort, model, folder / "out", limit_s=3600.0)
    assert run.finish_command() == 0
    return run
