import numpy as np
import pytest
from napari.components import ViewerModel

from napari_medseg.layers.edits import EditWatch

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    for name in ("first", "second"):
        viewer.add_labels(np.zeros((5, 6, 7), np.uint8), name=name)
    return viewer


@pytest.fixture
def watch(viewer):
    watch = EditWatch(viewer.dims)
    watch.watch(viewer.layers)
    yield watch
    watch.watch(())


def paint(viewer):
    viewer.layers["second"].paint((2, 3, 3), viewer.layers["second"].data.max() + 1)


def undo(viewer):
    viewer.layers["second"].undo()


def assign(viewer):
    viewer.layers["first"].data = np.ones((5, 6, 7), np.uint8)


def write_and_refresh(viewer):
    viewer.layers["first"].data[0] = 1
    viewer.layers["first"].refresh()


def move(viewer):
    viewer.layers["first"].translate = (1, 0, 0)


def move_unseen(viewer):
    viewer.layers["first"].visible = False
    viewer.layers["first"].scale = (2, 1, 1)


@pytest.mark.parametrize(
    "edit", [paint, undo, assign, write_and_refresh, move, move_unseen]
)
def test_every_kind_of_edit_is_noticed(qtbot, viewer, watch, edit):
    paint(viewer)
    with qtbot.waitSignal(watch.edited, timeout=5000):
        pass

    with qtbot.waitSignal(watch.edited, timeout=5000):
        edit(viewer)


def test_many_edits_in_a_row_are_told_once(qtbot, viewer, watch):
    told: list[None] = []
    watch.edited.connect(lambda: told.append(None))

    for label in (1, 2, 3):
        viewer.layers["first"].paint((2, 3, 3), label)
    qtbot.wait(900)

    assert len(told) == 1


def step(viewer):
    viewer.dims.set_point(0, 3)


def turn(viewer):
    viewer.dims.order = (1, 0, 2)


def hide(viewer):
    viewer.layers["first"].visible = False
    viewer.layers["first"].visible = True


def outline(viewer):
    viewer.layers["first"].contour = 1


@pytest.mark.parametrize("look", [step, turn, hide, outline])
def test_looking_is_no_edit(qtbot, viewer, watch, look):
    with qtbot.assertNotEmitted(watch.edited, wait=700):
        look(viewer)


def test_layers_no_longer_watched_are_not_heard(qtbot, viewer, watch):
    watch.watch((viewer.layers["first"],))

    with qtbot.assertNotEmitted(watch.edited, wait=700):
        paint(viewer)


@pytest.mark.parametrize("edit", [paint, undo, assign, write_and_refresh])
def test_what_may_be_an_edit_is_told_at_once(qtbot, viewer, watch, edit):
    paint(viewer)
    with qtbot.waitSignal(watch.edited, timeout=5000):
        pass
    touched = []
    watch.touched.connect(lambda: touched.append(edit))

    edit(viewer)

    assert touched
