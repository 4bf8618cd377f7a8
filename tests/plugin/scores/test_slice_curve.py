import math

import pytest
from qtpy.QtCore import QPointF, Qt

from napari_medseg.scores.slice_curve import Curve, SliceCurve

pytestmark = pytest.mark.gui
DICE = [math.nan, 0.2, 0.8, 1.0, math.nan, 0.5, math.nan, math.nan, 0.9, 0.1]


@pytest.fixture
def curve(qtbot):
    widget = SliceCurve()
    qtbot.addWidget(widget)
    widget.resize(546, 112)  # 500 for ten slices
    widget.show_curve(
        Curve(title="liver, axial", dice=DICE, wrong=[0.1] * 10, colour=(0, 114, 178))
    )
    return widget


@pytest.fixture
def chosen(curve):
    indices: list[int] = []
    curve.slice_chosen.connect(indices.append)
    return indices


def at(index):
    return QPointF(34 + (index + 0.5) * 50, 60).toPoint()


def test_a_click_chooses_the_slice_under_it(qtbot, curve, chosen):
    for index in (0, 4, 9):
        qtbot.mouseClick(curve, Qt.MouseButton.LeftButton, pos=at(index))

    assert chosen == [0, 4, 9]


def test_a_drag_goes_through_the_slices_and_stops_at_the_ends(qtbot, curve, chosen):
    qtbot.mousePress(curve, Qt.MouseButton.LeftButton, pos=at(2))
    for x in (at(3), at(4), QPointF(2000, 60).toPoint(), QPointF(-50, 60).toPoint()):
        qtbot.mouseMove(curve, x)

    assert chosen[0] == 2
    assert set(chosen) <= set(range(10))


def test_keys_step_page_and_go_to_the_ends(qtbot, curve, chosen):
    keys = Qt.Key
    for key in (keys.Key_Right, keys.Key_End, keys.Key_Right, keys.Key_Left):
        qtbot.keyClick(curve, key)
    for key in (keys.Key_PageDown, keys.Key_PageUp, keys.Key_Home):
        qtbot.keyClick(curve, key)

    assert chosen == [1, 9, 9, 8, 0, 9, 0]


def test_the_slice_is_said_to_those_who_cannot_see_it(curve):
    curve.show_index(2)
    assert curve.accessibleDescription() == "slice 2 (of 0 to 9): Dice 0.800"

    curve.show_index(4)
    assert curve.accessibleDescription() == "slice 4 (of 0 to 9): nothing there"


def test_a_slice_alone_between_empty_ones_is_painted(curve):
    picture = curve.grab().toImage()
    ratio = picture.devicePixelRatio()
    middle, half_way = at(5), 20 + 86 * 0.5

    pixel = picture.pixelColor(round(middle.x() * ratio), round(half_way * ratio))

    assert (pixel.red(), pixel.green(), pixel.blue()) == pytest.approx(
        (0, 114, 178), abs=40
    )


def test_without_scores_it_says_how_to_begin(qtbot, curve, chosen):
    curve.show_curve(None)

    qtbot.mouseClick(curve, Qt.MouseButton.LeftButton, pos=at(2))

    assert chosen == []
    assert not curve.grab().isNull()
