import math
from dataclasses import replace
from itertools import pairwise

import pytest
from qtpy.QtCore import QPointF, QSizeF, Qt

import medseg
from napari_medseg.scores.chart_painting import dot_place, label_at
from napari_medseg.scores.chart_view import ChartView
from napari_medseg.scores.charts import BarChart, Plot, ScatterChart, chart_of
from napari_medseg.scores.columns import (
    distance_shade,
    ink_on,
    overlap_shade,
)
from napari_medseg.scores.work import compare
from tests.plugin.scans import marker_labels

SIZE = QSizeF(400, 300)


def row(label, dice, volume_ml=1.0, **values):
    present = medseg.MaskState.BOTH_PRESENT
    return medseg.StructureScore(
        structure=f"structure {label}",
        label=label,
        state=values.pop("state", present),
        dice=dice,
        iou=None if dice is None else dice / (2 - dice),
        volume_ml=volume_ml,
        reference_volume_ml=values.pop("reference_volume_ml", volume_ml),
        **values,
    )


@pytest.fixture(scope="module")
def scored():
    comparison = compare(marker_labels(), marker_labels(), None)
    rows = (
        row(1, 0.9, 1200.0, hd95_mm=3.0),
        row(2, 0.5, 0.02, reference_volume_ml=0.5, hd95_mm=17.0),
        row(
            3,
            0.0,
            0.0,
            reference_volume_ml=8.0,
            state=medseg.MaskState.PREDICTION_EMPTY,
        ),
        row(4, None, 0.0, state=medseg.MaskState.BOTH_EMPTY),
    )
    return replace(comparison, scores=medseg.Scores(case_id="c1", rows=rows))


def bars(plot, comparison):
    chart = chart_of(plot, comparison)
    assert isinstance(chart, BarChart)
    return chart


def scatter(plot, comparison):
    chart = chart_of(plot, comparison)
    assert isinstance(chart, ScatterChart)
    return chart


def test_bars_go_from_the_worst_to_the_best(scored):
    assert [bar.label for bar in bars(Plot.DICE, scored).bars] == [3, 2, 1]
    assert [bar.label for bar in bars(Plot.HD95, scored).bars] == [3, 2, 1]


def test_bars_of_distances_end_at_a_round_number_of_millimetres(scored):
    chart = bars(Plot.HD95, scored)

    assert chart.end == 20
    assert [bar.text for bar in chart.bars] == ["-", "17.0", "3.0"]


def test_a_structure_of_neither_map_is_in_no_plot(scored):
    for plot in Plot:
        chart = chart_of(plot, scored)
        items = chart.bars if isinstance(chart, BarChart) else chart.dots
        assert 4 not in [item.label for item in items]


def test_volumes_lie_between_whole_powers_of_ten(scored):
    chart = scatter(Plot.VOLUMES, scored)

    assert (chart.across.start, chart.across.end) == (0.01, 10_000)
    assert [(dot.x, dot.y) for dot in chart.dots] == [(1200, 1200), (0.5, 0.02)]
    assert chart.has_diagonal


def test_on_the_diagonal_prediction_and_reference_are_equal(scored):
    chart = scatter(Plot.VOLUMES, scored)
    same, smaller = chart.dots

    assert chart.across.share(same.x) == pytest.approx(chart.up.share(same.y))
    assert chart.across.share(smaller.x) > chart.up.share(smaller.y)


def test_a_logarithmic_axis_has_its_tens_at_equal_steps(scored):
    axis = scatter(Plot.DICE_BY_VOLUME, scored).across
    shares = [axis.share(tick) for tick in axis.ticks]

    steps = [b - a for a, b in pairwise(shares)]
    assert steps == pytest.approx([1 / len(steps)] * len(steps))
    assert math.log10(axis.ticks[0]).is_integer()


@pytest.mark.parametrize("plot", [Plot.DICE_BY_VOLUME, Plot.VOLUMES])
def test_a_dot_is_found_where_it_is_painted(scored, plot):
    chart = scatter(plot, scored)

    for dot in chart.dots:
        place = dot_place(chart, dot, SIZE)
        assert label_at(chart, SIZE, place) == dot.label
        assert 0 < place.x() < SIZE.width()
        assert 0 < place.y() < SIZE.height()
    assert label_at(chart, SIZE, QPointF(-50, -50)) is None


@pytest.mark.gui
def test_bars_are_chosen_by_mouse_and_by_keys(qtbot, scored):
    view = ChartView()
    qtbot.addWidget(view)
    view.resize(300, 200)
    view.show_chart(chart_of(Plot.DICE, scored))
    chosen: list[int] = []
    view.structure_chosen.connect(chosen.append)

    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPointF(50, 30).toPoint())
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Return):
        qtbot.keyClick(view, key)

    assert chosen == [2, 1, 1, 2, 2]


def test_better_values_are_never_shaded_worse():
    """Blue rises with quality, or red falls: both ends differ for all readers."""
    overlaps = [overlap_shade(n / 50) for n in range(51)]
    distances = [distance_shade(20 - n * 0.4) for n in range(51)]

    for shades in (overlaps, distances):
        scale = [blue - red for red, _, blue in shades]
        assert scale == sorted(scale)
        assert all(abs(_lightness(ink_on(s)) - _lightness(s)) > 90 for s in shades)


def _lightness(colour):
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue
