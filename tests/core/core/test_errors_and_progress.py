"""What travels up: errors and progress."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from medseg import ErrorCode, MedSegError, Progress, UnusableInput, WrongUse


@pytest.mark.parametrize("kind", [UnusableInput, WrongUse])
def test_an_error_is_one_line_and_survives_another_process(kind):
    error = kind(
        ErrorCode.NOT_FOUND, "no file", where=Path("a.nii"), remedy="Check the path."
    )
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(copy) is kind
    assert str(copy) == "NOT_FOUND: no file [a.nii] Check the path."
    assert (copy.code, copy.what, copy.where, copy.remedy) == (
        ErrorCode.NOT_FOUND,
        "no file",
        "a.nii",
        "Check the path.",
    )
    assert isinstance(copy, MedSegError)
    assert isinstance(copy, ValueError)


def test_progress_reads_as_a_line():
    assert str(Progress(stage="training", done=3, total=8)) == "training 3/8"
    with_note = Progress(stage="training", done=3, total=8, note="loss 1.2")
    assert str(with_note) == "training 3/8  loss 1.2"


def test_progress_has_a_fraction_even_of_nothing():
    assert Progress(stage="training", done=3, total=8).fraction == 0.375
    assert Progress(stage="training", done=0, total=0).fraction == 1.0


def test_importing_medseg_and_its_nouns_imports_nothing_heavy():
    code = (
        "import medseg, sys; medseg.Geometry, medseg.TrainingSettings, medseg.Plan\n"
        "heavy = {'torch', 'monai', 'scipy', 'SimpleITK', 'pydicom', 'nibabel'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
