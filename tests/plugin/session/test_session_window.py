"""A session in a real window: layers, view and panels come back."""

import pytest
from qtpy.QtWidgets import QComboBox

import medseg
from napari_medseg.session.commands import keeper_of
from tests.plugin.widgets import part

pytestmark = [pytest.mark.gui, pytest.mark.slow]


@pytest.fixture
def series(tmp_path):
    phantom = medseg.make_phantom(3, shape=(64, 56, 16), spacing_mm=(5.0, 5.0, 9.0))
    medseg.write_phantom_series(phantom, tmp_path / "CT")
    return tmp_path / "CT"


def test_layers_panels_and_dicom_output_come_back(
    make_napari_viewer, qtbot, series, tmp_path
):
    viewer = make_napari_viewer(show=True)
    viewer.open(series, plugin="medseg")
    viewer._new_labels()  # noqa: SLF001 - what napari's new-labels button calls
    viewer.layers[-1].data[5:9, 20:30, 20:30] = 1
    _, scores = viewer.window.add_plugin_dock_widget("medseg", "Scores")
    part(scores, "Scan", QComboBox).setCurrentIndex(1)
    assert "MedSeg" in [a.text() for a in viewer.window.help_menu.actions()]
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
