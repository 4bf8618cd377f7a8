"""A score that tells Dice from uncertainty: by formula, and by another library."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from medseg import (
    ErrorCode,
    QualityObservation,
    StructureUncertainty,
    WrongUse,
    fit_quality,
    held_out_quality,
)


def found(
    expected=None, entropy=None, variance=None, structure="liver", voxels=10
) -> StructureUncertainty:
    return StructureUncertainty(
        structure=structure,
        label=1,
        voxels=voxels,
        expected_dice=expected,
        mean_entropy=entropy,
        mean_mirror_variance=variance,
    )


def observed(seed=0, count=40, noise=0.02):
    """Dice 0.1 + 0.7 expected Dice - 0.5 entropy, and a little by chance."""
    rng = np.random.default_rng(seed)
    expected, entropy = rng.uniform(0.4, 0.9, count), rng.uniform(0, 0.3, count)
    dice = 0.1 + 0.7 * expected - 0.5 * entropy + rng.normal(0, noise, count)
    return [
        QualityObservation(found=found(float(x), float(h)), dice=float(d))
        for x, h, d in zip(expected, entropy, dice, strict=True)
    ]


def test_a_linear_law_is_found():
    score = fit_quality(observed(noise=0))
    assert score.features == ("expected_dice", "mean_entropy")
    assert score.weights == pytest.approx((0.7, -0.5))
    assert score.intercept == pytest.approx(0.1)
    assert score.residual_sd == pytest.approx(0, abs=1e-9)
    assert score.predicted_dice(found(0.8, 0.1)) == pytest.approx(0.61)


@given(st.integers(0, 1000))
def test_it_is_the_least_squares_fit_of_scikit_learn(seed):
    cases = observed(seed)
    table = [[e.found.expected_dice, e.found.mean_entropy] for e in cases]
    theirs = LinearRegression().fit(table, [each.dice for each in cases])
    score = fit_quality(cases)
    assert score.weights == pytest.approx(theirs.coef_)
    assert score.intercept == pytest.approx(theirs.intercept_)
    assert score.cases == 40


def test_what_is_predicted_is_a_dice():
    score = fit_quality(observed())
    assert score.predicted_dice(found(9.0, 0.0)) == 1
    assert score.predicted_dice(found(0.0, 9.0)) == 0


def test_a_case_without_the_structure_is_left_out_and_has_no_score():
    nothing = found(voxels=0)
    cases = observed()
    score = fit_quality([*cases, QualityObservation(found=nothing, dice=0.0)])
    assert score == fit_quality(cases)
    assert score.predicted_dice(nothing) is None


def test_figures_that_some_cases_lack_or_all_share_are_not_used():
    cases = [
        QualityObservation(
            found=found(e.found.expected_dice, 0.2, None if place else 0.1),
            dice=e.dice,
        )
        for place, e in enumerate(observed())
    ]
    assert fit_quality(cases).features == ("expected_dice",)


def test_cases_that_are_all_alike_have_their_mean_predicted():
    alike = [
        QualityObservation(found=found(0.8, 0.1), dice=dice) for dice in [0.7, 0.9] * 5
    ]
    score = fit_quality(alike)
    assert score.features == ()
    assert score.predicted_dice(found(0.5, 0.5)) == pytest.approx(0.8)


def test_held_out_cases_are_predicted_by_the_others():
    """Changing one case's Dice changes the prediction of others, never its own."""
    cases = observed()
    before = held_out_quality(cases)
    changed = [*cases]
    changed[7] = QualityObservation(found=cases[7].found, dice=0.0)
    after = held_out_quality(changed)
    assert after[7] == before[7]
    assert after[8] != before[8]
    dice = [each.dice for each in cases]
    assert np.corrcoef(np.array(before, float), dice)[0, 1] > 0.9


def test_a_figure_that_one_case_lacks_is_left_out_of_every_part():
    cases = [
        QualityObservation(
            found=found(e.found.expected_dice, 0.2, 0.1 * place if place else None),
            dice=e.dice,
        )
        for place, e in enumerate(observed(count=15))
    ]
    assert None not in held_out_quality(cases)


def test_too_few_cases_and_several_structures_are_refused():
    with pytest.raises(WrongUse, match="10 cases or more") as refused:
        fit_quality(observed(count=9))
    assert refused.value.code is ErrorCode.INVALID_OPTION
    other = QualityObservation(found=found(0.5, 0.1, structure="spleen"), dice=0.5)
    with pytest.raises(WrongUse, match="of one structure"):
        fit_quality([*observed(), other])


def test_a_score_is_refused_for_what_it_was_not_made_for():
    score = fit_quality(observed())
    with pytest.raises(WrongUse, match="of liver is asked for spleen"):
        score.predicted_dice(found(0.5, 0.1, structure="spleen"))
    with pytest.raises(WrongUse, match="needs expected_dice, mean_entropy"):
        score.predicted_dice(found(0.5))
