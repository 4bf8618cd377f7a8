import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg import BootstrapSettings, UnusableInput, WrongUse
from medseg.study.statistics.design import LEAST_OF_STRATUM, Design, pooled_strata


def test_a_patient_in_two_centres_is_refused_by_name():
    with pytest.raises(UnusableInput, match="patient p2"):
        Design(patients=("p1", "p2", "p2"), strata=("a", "a", "b"))


def test_a_case_without_a_centre_is_refused():
    with pytest.raises(ValueError, match="2 patients but 1 strata"):
        Design(patients=("p1", "p2"), strata=("a",))


def test_a_design_is_clustered_when_a_patient_has_several_cases():
    assert not Design.independent(3).is_clustered
    assert Design(patients=("p1", "p1"), strata=("a", "a")).is_clustered


@pytest.mark.parametrize(
    "wrong", [{"resamples": 99}, {"level": 95.0}, {"level": 0.5}, {"seed": -1}], ids=str
)
def test_settings_that_make_no_interval_are_wrong_use(wrong):
    with pytest.raises(WrongUse, match=next(iter(wrong))):
        BootstrapSettings(**wrong)


def test_large_centres_stay_apart():
    stratum = np.repeat([0, 1, 2], [8, 30, 9])
    assert pooled_strata(stratum).tolist() == stratum.tolist()


def test_small_centres_are_pooled():
    stratum = np.repeat([0, 1, 2, 3], [5, 30, 1, 4])
    pooled = pooled_strata(stratum)
    assert sorted(np.unique(pooled, return_counts=True)[1]) == [10, 30]


def test_one_small_centre_joins_the_smallest_large_one():
    pooled = pooled_strata(np.repeat([0, 1, 2], [30, 12, 3]))
    assert sorted(np.unique(pooled, return_counts=True)[1]) == [15, 30]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_no_stratum_is_small_unless_there_is_only_one(sizes):
    stratum = np.repeat(np.arange(len(sizes)), sizes)
    pooled = pooled_strata(stratum)
    counts = np.unique(pooled, return_counts=True)[1]
    assert counts.sum() == sum(sizes)
    assert len(counts) == 1 or counts.min() >= LEAST_OF_STRATUM
    together = stratum[:, None] == stratum
    assert (pooled[:, None] == pooled)[together].all()
