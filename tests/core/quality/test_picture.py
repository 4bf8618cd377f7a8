"""The picture of predicted beside real Dice."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from medseg.quality.picture import draw_points, points_title


def pairs(count=40):
    random = np.random.default_rng(3)
    predicted = random.uniform(0.86, 0.89, count)
    dice = np.clip(predicted + random.normal(0, 0.03, count), 0, 1)
    return list(zip(predicted.tolist(), dice.tolist(), strict=True))


def test_the_title_tells_cases_and_rank_correlation():
    some = pairs()
    expected = stats.spearmanr(*zip(*some, strict=True)).statistic

    assert points_title("liver", some) == f"liver, n = 40, Spearman {expected:.2f}"


def test_where_all_are_predicted_alike_no_correlation_is_told():
    same = [(0.9, 0.8), (0.9, 0.7)]

    assert points_title("liver", same) == "liver, n = 2"


def test_the_axes_reach_as_far_as_the_data_and_no_farther():
    some = pairs()
    axes = Figure().subplots()

    draw_points(axes, "liver", some)

    for limits, values in zip(
        (axes.get_xlim(), axes.get_ylim()), zip(*some, strict=True), strict=True
    ):
        room = 0.1 * (max(values) - min(values))
        assert limits[0] < min(values)
        assert limits[1] > max(values)
        assert limits == pytest.approx((min(values), max(values)), abs=room)
