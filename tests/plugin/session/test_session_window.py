"""A session in a real window: layers, view and panels come back."""

import gc

import pytest
from qtpy.QtWidgets import QApplication, QComboBox, QFileDialog

import medseg
from napari_medseg.activation import on_activate
from napari_medseg.session.commands import keeper_of
from tests.plugin.hands import Window
from tests.plugin.widgets import part

pytestmark = [pytest.mark.gui, pytest.mark.slow]


@pytest.fixture
def series(tmp_path):
    phantom = medseg.make_phantom(3, shape=(64, 56, 16), spacing_mm=(5.0, 5.0, 9.0))
    medseg.write_phantom_series(phantom, tmp_path / "CT")
    return tmp_path / "CT"


def come_to_the_front():
    """What Qt says when the newest window gets the focus, which a test cannot force."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    application.focusWindowChanged.emit(None)


def help_entries(viewer):
    menu = viewer.window.help_menu
    menu.aboutToShow.emit()
    return [action.text() for action in menu.actions()]


def test_each_window_has_an_autosave_until_it_is_closed(make_napari_viewer, qtbot):
    first = make_napari_viewer()
    on_activate(None)
    second = make_napari_viewer()
    assert keeper_of(first).has_begun
    assert not keeper_of(second).has_begun

    come_to_the_front()
    assert keeper_of(second).has_begun
    assert "MedSeg" in help_entries(second)

    second.close()
    qtbot.waitUntil(lambda: not keeper_of(second).has_begun, timeout=5_000)
    assert keeper_of(first).has_begun


def test_layers_panels_and_dicom_output_come_back(
    make_napari_viewer, qtbot, series, tmp_path
):
    viewer = make_napari_viewer(show=True)
    viewer.open(series, plugin="medseg")
    viewer._new_labels()  # noqa: SLF001 - what napari's new-labels button calls
    viewer.layers[-1].data[5:9, 20:30, 20:30] = 1
    _, scores = viewer.window.add_plugin_dock_widget("medseg", "Scores")
    part(scores, "Scan", QComboBox).setCurrentIndex(1)
    come_to_the_front()
    assert "MedSeg" in help_entries(viewer)
    keeper = keeper_of(viewer, tmp_path / "autosave")
    keeper.save(tmp_path / "day.medseg.json")
    qtbot.waitUntil(lambda: not keeper.background.is_busy, timeout=60_000)
    viewer.window.remove_dock_widget(scores)
    names = [layer.name for layer in viewer.layers]
    viewer.layers.clear()

    viewer.open(tmp_path / "day.medseg.json", plugin="medseg")
    qtbot.waitUntil(lambda: not keeper.background.is_busy, timeout=60_000)

    assert [layer.name for layer in viewer.layers] == names
    (panel,) = viewer.window.dock_widgets.values()
    assert part(panel, "Scan", QComboBox).currentText() == names[0]
    viewer.layers.selection = {viewer.layers[-1]}
    saved = viewer.layers.save(tmp_path / "x.dcm", selected=True, plugin="medseg")
    scan = medseg.read_volume(series)
    again = medseg.read_segmentation(saved[0], source=scan)
    assert again.array.sum() == 4 * 10 * 10


def test_the_menu_opens_what_it_saved(
    make_napari_viewer, qtbot, series, tmp_path, monkeypatch
):
    """The viewer that a command is given goes when the command has returned."""
    viewer = make_napari_viewer(show=True)
    viewer.open(series, plugin="medseg")
    names = [layer.name for layer in viewer.layers]
    path = str(tmp_path / "day.medseg.json")
    asked = []
    for question in ("getSaveFileName", "getOpenFileName"):

        def answer(*_args, question=question, **_options):
            asked.append(question)
            return path, ""

        monkeypatch.setattr(QFileDialog, question, answer)
    menu, keeper = Window(), keeper_of(viewer, tmp_path / "autosave")

    for name in ("Save session", "Save session", "Open session…"):
        if name == "Open session…":
            viewer.layers.clear()
        menu.choose(f"File > IO Utilities > {name} (MedSeg)")
        gc.collect()
        qtbot.waitUntil(lambda: not keeper.background.is_busy, timeout=60_000)

    assert asked == ["getSaveFileName", "getOpenFileName"]
    assert [layer.name for layer in viewer.layers] == names
