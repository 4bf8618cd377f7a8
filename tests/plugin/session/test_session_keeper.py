import subprocess
import sys

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtWidgets import QCheckBox, QComboBox, QSpinBox, QVBoxLayout, QWidget

from napari_medseg.layers.conversion import segmentation_layer
from napari_medseg.session.autosaves import Autosaves
from napari_medseg.session.commands import get_session_reader
from napari_medseg.session.keeper import SessionKeeper
from napari_medseg.session.panels import restore_settings, settings_of
from tests.plugin.scans import marker_labels

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    viewer.add_layer(Layer.create(*segmentation_layer(marker_labels(), "result")))
    return viewer


@pytest.fixture
def autosaves(tmp_path):
    return Autosaves(tmp_path / "autosave")


def keeper(qtbot, viewer, autosaves):
    made = SessionKeeper(viewer, autosaves)
    return made, lambda: qtbot.waitUntil(
        lambda: not made.background.is_busy, timeout=20_000
    )


def test_a_session_is_saved_and_opened(qtbot, viewer, autosaves, tmp_path):
    kept, wait = keeper(qtbot, viewer, autosaves)
    kept.save(tmp_path / "day.medseg.json")
    wait()
    viewer.layers.clear()

    kept.open(tmp_path / "day.medseg.json")
    wait()

    assert kept.path == tmp_path / "day.medseg.json"
    assert np.array_equal(viewer.layers["result"].data.max(), 2)


def test_what_was_saved_by_itself_can_be_restored(qtbot, viewer, autosaves, tmp_path):
    kept, wait = keeper(qtbot, viewer, autosaves)
    kept.autosave()
    wait()
    kept.end()
    empty = ViewerModel()
    other, wait_for_other = keeper(qtbot, empty, Autosaves(tmp_path / "autosave"))

    other.restore()
    wait_for_other()

    assert [layer.name for layer in empty.layers] == ["result"]


def test_without_labels_nothing_is_saved_by_itself(qtbot, autosaves, tmp_path):
    kept, wait = keeper(qtbot, ViewerModel(), autosaves)

    kept.autosave()
    wait()

    assert not (tmp_path / "autosave").exists()


def test_the_autosave_of_an_open_napari_is_left_alone(qtbot, viewer, tmp_path):
    first = Autosaves(tmp_path)
    kept, wait = keeper(qtbot, viewer, first)
    kept.autosave()
    wait()

    other = Autosaves(tmp_path)

    assert other.earlier() == []
    assert other.crashed() == []
    first.end()
    assert len(other.earlier()) == 1
    assert other.crashed() == []


def test_an_autosave_that_a_crash_left_behind_is_told_once(tmp_path):
    code = f"""
import os
from pathlib import Path
from napari_medseg.session.autosaves import Autosaves
autosaves = Autosaves(Path({str(tmp_path)!r}))
autosaves.begin().write_text("{{}}")
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    autosaves = Autosaves(tmp_path)

    (left,) = autosaves.crashed()

    assert autosaves.crashed() == []
    assert autosaves.earlier() == [left]


def test_only_the_last_few_autosaves_are_kept(tmp_path):
    for _ in range(8):
        autosaves = Autosaves(tmp_path)
        autosaves.begin().write_text("{}")
        autosaves.end()

    assert len(list(tmp_path.glob("*.medseg.json"))) == 6  # five, and its own


def test_a_dropped_session_has_a_reader_and_other_json_has_none():
    assert get_session_reader("/data/day.medseg.json") is not None
    assert get_session_reader("/data/scores.json") is None
    assert get_session_reader(["a.medseg.json", "b.medseg.json"]) is None


def test_settings_of_a_panel_come_back_by_the_names_of_its_controls(qtbot):
    def panel():
        made = QWidget()
        layout = QVBoxLayout(made)
        box, check, number = QComboBox(), QCheckBox(), QSpinBox()
        box.addItems(["auto", "cpu"])
        for name, control in (("Device", box), ("Mirror", check), ("Slices", number)):
            control.setAccessibleName(name)
            layout.addWidget(control)
        qtbot.addWidget(made)
        return made, box, check, number

    first, box, check, number = panel()
    box.setCurrentText("cpu")
    check.setChecked(True)
    number.setValue(7)
    second, *controls = panel()

    restore_settings(second, settings_of(first))

    assert controls[0].currentText() == "cpu"
    assert controls[1].isChecked()
    assert controls[2].value() == 7
