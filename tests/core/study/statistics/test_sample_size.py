import pytest

from medseg.study.results import Estimate
from medseg.study.statistics.sample_size import sample_size_remark


def remark_on(patients: int, sd):
    mean = Estimate(
        value=0.9, low=0.8, high=0.95, level=0.95, n=patients, patients=patients
    )
    return sample_size_remark(mean, sd)


@pytest.mark.parametrize(("sd", "needed"), [(0.05, 97), (0.1, 385), (0.03, 35)])
def test_few_patients_are_told_how_many_would_do(sd, needed):
    """(1.96 SD / 0.01)^2, rounded up."""
    remark = remark_on(12, sd)
    assert remark.startswith("With 12 patients ")
    assert f" about {needed} would be needed" in remark
    assert remark.count(".") == 3  # of two numbers and the sentence


def test_thirty_patients_are_enough_for_no_remark():
    assert remark_on(30, 0.1) is None
    assert remark_on(29, 0.1) is not None


@pytest.mark.parametrize("sd", [None, 0.0, 0.01])
def test_without_a_spread_no_number_is_named(sd):
    remark = remark_on(4, sd)
    assert "With 4 patients" in remark
    assert "needed" not in remark


def test_one_patient_is_singular():
    assert remark_on(1, None).startswith("With 1 patient ")
