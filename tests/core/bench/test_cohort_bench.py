"""The bench of whole folders, on two tiny scans; never by the clock."""

import json
import sys
from pathlib import Path

import pytest

from medseg import UnusableInput, WrongUse, bench
from medseg.bench.timings import CohortBench, CohortTiming
from medseg.cli.bench import app
from medseg.cli.bench_tables import cohort_table
from tests.core.cohort.small_cohort import write_scan
from tests.core.making import TINY_PLAN, save_untrained

WAYS = ["cohort run, 1 worker", "cohort run, 2 workers", "medseg segment, one by one"]


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    for each in ("images", "references"):
        (folder / each).mkdir(parents=True)
    for number in range(3):
        write_scan(folder, f"case_{number}", number)
    return folder / "images"


@pytest.fixture
def model(tmp_path):
    return save_untrained(TINY_PLAN, tmp_path / "model")


@pytest.mark.slow
def test_every_way_segments_the_same_scans_alike(scans, model, capsys):
    words = ["cohort", str(scans), "--model", str(model), "--count", "2"]
    app([*words, "--repeats", "1", "--json"], result_action="return_value")

    told = json.loads(capsys.readouterr().out)
    assert told["cases"] == 2
    assert [each["contender"] for each in told["timings"]] == WAYS
    for each in told["timings"]:
        assert each["least_dice_first"] > 0.95  # sums differ with the threads
        assert 0 < each["first_case_s"] <= each["median_s"]
        assert each["cases_per_hour"] == pytest.approx(7200 / each["median_s"])
    one, two, _ = told["timings"]
    halved = one["median_s"] / (2 * two["median_s"])
    assert told["efficiency"] == pytest.approx(halved)


def test_the_table_has_a_line_for_every_way():
    timing = CohortTiming(
        contender=WAYS[0],
        seconds=(30.0,),
        median_s=30.0,
        times_first=1.0,
        first_case_s=4.5,
        cases_per_hour=6000.0,
        dice_first=1.0,
        least_dice_first=None,
    )
    result = CohortBench(
        cases=50,
        timings=(timing,),
        mirror=True,
        device="cpu",
        processors=2,
        versions=(),
    )
    header, line = cohort_table(result).splitlines()
    assert "cases/h" in header
    assert "least Dice" in header
    assert line.split()[-7:] == ["1.00", "x", "6000", "4.5", "1.0000", "-", "1"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--repeats", "0"], "repeats 0"),
        (["--count", "0"], "count 0"),
        (["--nnunet-python", sys.executable], "its Python and a model of its own"),
        (["--model", "no-such-model"], "UNKNOWN_MODEL"),
        (["--device", "cuda:99"], "NO_SUCH_DEVICE"),
    ],
)
def test_a_wrong_option_is_named(scans, words, message):
    with pytest.raises(WrongUse, match=message):
        app(["cohort", str(scans), *words], result_action="return_value")


def test_a_python_without_nnunet_is_named(scans, tmp_path):
    nnunet = bench.NnunetModel(python=Path(sys.executable), folder=tmp_path)
    with pytest.raises(UnusableInput, match=r"NOT_FOUND.*nnUNetv2_predict"):
        bench.bench_cohort(bench.CohortScene(scans=scans, nnunet=nnunet))


def test_scans_in_other_files_are_refused(scans, model):
    (scans / "case_0.nii.gz").unlink()
    (scans / "case_0.nii").write_bytes(b"")
    with pytest.raises(UnusableInput, match=r"INVALID_DATASET.*case_0"):
        bench.bench_cohort(bench.CohortScene(scans=scans, model=str(model)))
