"""Numbers and sentences as a journal prints them."""

import pytest

from medseg.core.text_table import counted
from medseg.study import wording
from medseg.study.results import Estimate
from tests.core.study.studies import cases_of, study_of, two_models


def estimate(value, low, high) -> Estimate:
    return Estimate(value=value, low=low, high=high, level=0.95, n=9, patients=9)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.8886, 3, "0.889"),
        (-1.5, 2, "\N{MINUS SIGN}1.50"),
        (-0.0001, 3, "0.000"),
        (0.0, 1, "0.0"),
        (None, 3, "\N{EN DASH}"),
    ],
)
def test_numbers_have_a_real_minus_sign_and_zero_has_none(value, digits, text):
    assert wording.number(value, digits) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1e-30, "< 0.001"),
        (0.000999, "< 0.001"),
        (0.0234, "0.023"),
        (0.4567, "0.46"),
        (1.0, "1.00"),
        (None, "\N{EN DASH}"),
    ],
)
def test_p_values_are_printed_as_journals_do(p, text):
    assert wording.p_text(p) == text


def test_an_interval_stands_behind_its_value():
    assert wording.interval_text(estimate(0.5, 0.4, 0.6), 2) == "0.50 (0.40 to 0.60)"
    assert wording.interval_text(estimate(0.5, None, None), 2) == "0.50"


def test_counts_have_the_right_number():
    assert counted(1, "case") == "1 case"
    assert counted(1208, "case") == "1,208 cases"


def test_the_summary_names_cases_model_measure_and_interval():
    sentences = list(wording.summary_sentences(study_of()))
    assert len(sentences) == 2
    assert sentences[0].startswith("Over 12 cases, base reached a mean Dice of 0.6")
    assert "(95 % CI 0.6" in sentences[0]
    assert sentences[0].endswith("averaged over 2 structures.")


def test_patients_are_named_where_they_are_fewer_than_cases():
    # as many patients as cases here, so they are not named
    assert "patient" not in next(wording.summary_sentences(study_of()))


def test_the_comparison_says_who_gains_by_how_much_and_how_sure_that_is():
    (sentence,) = wording.comparison_sentences(study_of(margin=0.02))
    assert sentence.startswith(
        "The paired difference ours \N{MINUS SIGN} base in Dice was 0.075 (95 % CI 0.07"
    )
    assert "Holm: p = 0.001;" in sentence  # 2 / 2^12, times three structures
    assert "rank-biserial correlation 1.00" in sentence
    assert "margin of 0.02 was shown" in sentence


def test_a_comparison_without_a_test_says_no_p_value():
    (sentence,) = wording.comparison_sentences(study_of(two_models(4)))
    assert "Wilcoxon" not in sentence


def test_one_structure_is_named():
    one = {"m": cases_of([(0.5,), (0.7,)])}
    (sentence,) = wording.summary_sentences(study_of(one))
    assert sentence.endswith("for liver.")


def test_volumes_read_as_bias_limits_and_agreement():
    study = study_of()
    sentence = wording.volume_sentence(study.volumes[0])
    assert sentence.startswith("liver by base: bias \N{MINUS SIGN}4.50 (")
    assert "limits of agreement" in sentence
