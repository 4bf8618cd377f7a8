"""Apply makes the change that was chosen when it was pressed, and that one only.

The work of the panel is held back in these tests until they let it go on, so that what
happens meanwhile does not depend on how fast it is.
"""

import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QPushButton

from napari_medseg.correct.choice import Combine, Tool
from napari_medseg.layers.edits import EditWatch
from tests.plugin.correct.handling import (
    PREVIEW,
    STATUS,
    choose,
    click,
    fill_in,
    names_of,
    press,
    remove_the_marker,
    two_tumours,
    wait,
)
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui
MARKER_HU = 400


class Gate:
    """Lets the work of a panel go on, or holds it back.

    Attributes:
        begun: Names of the work that was begun.
    """

    def __init__(self) -> None:
        self._is_open = threading.Event()
        self.begun: list[str] = []

    def hold(self, start):
        def start_held(title, work):
            def waiting(report):
                assert self._is_open.wait(60)
                return work(report)

            self.begun.append(title)
            start(title, waiting)

        return start_held

    def open(self):
        self._is_open.set()

    def shut(self):
        self._is_open.clear()


@pytest.fixture
def gate(panel, monkeypatch):
    """What previews and changes are computed behind; open at first."""
    gate = Gate()
    monkeypatch.setattr(panel.background, "start", gate.hold(panel.background.start))
    gate.open()
    yield gate
    gate.open()


def press_apply(panel):
    part(panel, "Apply", QPushButton).click()


def preview_begins(qtbot, gate):
    """Wait until another preview is being computed."""
    before = len(gate.begun)
    qtbot.waitUntil(lambda: len(gate.begun) > before, timeout=30_000)


def is_marker(viewer):
    return viewer.layers["scan"].data == MARKER_HU


def add_copy(viewer, name):
    """The result once more, as labels that the user drew, with signed numbers."""
    result = viewer.layers["result"]
    names = ("scale", "translate", "units", "axis_labels")
    alike = {each: getattr(result, each) for each in names}
    return viewer.add_labels(result.data.astype(np.int32), name=name, **alike)


def test_labels_changed_just_before_apply_do_not_undo_it(qtbot, viewer, panel, gate):
    """The panel hears of the change a moment later: here, after Apply."""
    two_tumours(viewer.layers["result"])
    watch = EditWatch(viewer.dims)
    watch.watch((viewer.layers["result"],))
    viewer.layers["result"].refresh()
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Tool", Tool.SPLIT)
    gate.shut()

    with qtbot.waitSignal(watch.edited, timeout=30_000):
        press_apply(panel)
    gate.open()
    wait(qtbot, panel)

    edited = viewer.layers["result edited"]
    assert names_of(edited) == ("liver", "liver tumour", "liver tumour 2")
    assert 3 in edited.colormap.color_dict


def test_a_preview_that_comes_late_is_what_is_applied(qtbot, viewer, panel, gate):
    gate.shut()
    remove_the_marker(panel)
    preview_begins(qtbot, gate)

    press_apply(panel)
    gate.open()
    wait(qtbot, panel)

    assert gate.begun == ["MedSeg: threshold"]  # it is computed once
    edited = viewer.layers["result edited"]
    assert not (edited.data == 2).any()
    assert PREVIEW not in viewer.layers or not viewer.layers[PREVIEW].visible
    assert message(panel, STATUS).startswith("Done. liver tumour: removes")


def test_what_is_applied_is_what_was_chosen_last_before(qtbot, viewer, panel, gate):
    """The preview of what was chosen before that is still being computed."""
    gate.shut()
    remove_the_marker(panel)
    preview_begins(qtbot, gate)

    choose(panel, "Result", Combine.REPLACE)
    choose(panel, "Structure", "liver")
    press_apply(panel)
    gate.open()
    wait(qtbot, panel)

    was, is_ = (viewer.layers[name].data for name in ("result", "result edited"))
    marker = is_marker(viewer)
    free = (was == 0) | (was == 1)  # other structures are left as they are
    expected = np.where(free, np.where(marker, 1, 0), was)
    assert_array_equal(is_, expected)


def test_what_is_chosen_after_apply_is_for_the_next_preview(qtbot, viewer, panel, gate):
    gate.shut()
    remove_the_marker(panel)
    press_apply(panel)

    fill_in(panel, upper=350)  # below the marker
    gate.open()
    wait(qtbot, panel)

    assert not (viewer.layers["result edited"].data == 2).any()
    assert message(panel, STATUS) == "Nothing would change."  # of the next
    assert part(panel, "Upper", QDoubleSpinBox).value() == 350


def test_a_preview_that_fails_late_does_not_undo_apply(qtbot, viewer, panel, gate):
    negative = add_copy(viewer, "negative")
    negative.data[0, 0, 0] = -1  # which no label can be
    gate.shut()
    choose(panel, "Labels", "negative")
    preview_begins(qtbot, gate)

    choose(panel, "Labels", "result")
    remove_the_marker(panel)
    press_apply(panel)
    gate.open()
    wait(qtbot, panel)

    assert not (viewer.layers["result edited"].data == 2).any()
    assert message(panel, STATUS).startswith("Done.")


def test_apply_is_not_lost_while_a_preview_is_being_stopped(qtbot, viewer, panel, gate):
    click(qtbot, panel, "Paint")
    edited = viewer.layers["result edited"]
    gate.shut()
    remove_the_marker(panel)
    preview_begins(qtbot, gate)
    part(panel, "Paint", QPushButton).click()  # no preview is wanted

    press_apply(panel)
    gate.open()
    wait(qtbot, panel)

    assert not (edited.data == 2).any()
    assert message(panel, STATUS).startswith("Done.")


def test_a_stroke_while_it_is_computed_is_kept_and_taken_into_account(
    qtbot, viewer, panel, gate
):
    click(qtbot, panel, "Paint")
    edited = viewer.layers["result edited"]
    gate.shut()
    remove_the_marker(panel)
    press_apply(panel)

    outside = tuple(np.argwhere(edited.data == 0)[:3].T)
    inside = tuple(np.argwhere(edited.data == 2)[:3].T)
    edited.data_setitem(outside, 2)
    edited.data_setitem(inside, 1)
    gate.open()
    wait(qtbot, panel)

    assert (edited.data[outside] == 2).all()  # no marker lies there
    assert (edited.data[inside] == 1).all()
    assert (edited.data == 2).sum() == 3


def test_nothing_else_can_be_asked_for_until_it_is_applied(qtbot, panel, gate):
    remove_the_marker(panel)
    click(qtbot, panel, "Apply")
    choose(panel, "Structure", "liver")
    gate.shut()
    names = ("Apply", "Undo", "Redo", "Paint", "New structure")
    buttons = [part(panel, name, QPushButton) for name in names]
    assert [b.isEnabled() for b in buttons] == [True, True, False, True, True]

    press_apply(panel)
    assert not any(button.isEnabled() for button in buttons)
    gate.open()
    wait(qtbot, panel)

    assert [b.isEnabled() for b in buttons] == [True, True, False, True, True]


def test_what_fails_leaves_everything_as_it_was(qtbot, viewer, panel):
    part(panel, "Live preview", QCheckBox).setChecked(False)
    choose(panel, "Tool", Tool.GROW)
    press(viewer, (900, 900, 900))  # beside the scan

    click(qtbot, panel, "Apply")

    assert message(panel, STATUS).startswith("INVALID_OPTION")
    assert "result edited" not in viewer.layers
    assert part(panel, "Apply", QPushButton).isEnabled()


def test_a_split_leaves_the_structure_chosen_that_was(qtbot, viewer, panel):
    """The label selected in napari may be that of another structure."""
    click(qtbot, panel, "Paint")
    edited = viewer.layers["result edited"]
    two_tumours(edited)
    edited.selected_label = 1
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Tool", Tool.SPLIT)

    click(qtbot, panel, "Apply")

    assert names_of(edited) == ("liver", "liver tumour", "liver tumour 2")
    assert part(panel, "Structure", QComboBox).currentText() == "liver tumour"


def test_other_labels_chosen_after_apply_get_their_preview(qtbot, viewer, panel, gate):
    add_copy(viewer, "drawn")
    choose(panel, "Labels", "result")
    gate.shut()
    remove_the_marker(panel)
    press_apply(panel)

    choose(panel, "Labels", "drawn")
    gate.open()
    wait(qtbot, panel)

    assert not (viewer.layers["result edited"].data == 2).any()
    assert (viewer.layers["drawn"].data == 2).any()
    assert part(panel, "Labels", QComboBox).currentText() == "drawn"
    assert message(panel, STATUS) == "Nothing would change."  # no marker in "label 1"
