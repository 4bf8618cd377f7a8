"""Lesions that the file of a label map numbers, and tracking UIDs handed on."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from numpy.testing import assert_array_equal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QPushButton

import medseg
from napari_medseg.layers.conversion import volume_layers
from napari_medseg.lesions.choice import Splitting
from napari_medseg.opening.reader import layers_of
from tests.plugin.lesions.handling import (
    STATUS,
    add,
    choose,
    column,
    paint,
    press,
    separate_instances,
    tick,
)
from tests.plugin.lesions.scene import LPS, TURNED, lesion_labels
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui
NUMBERS = {1: 7, 2: 2, 3: 9}  # no way of separating would number them so
TABLE = "Followed lesions"


def in_file(path, order=LPS, split=None) -> medseg.Panoptic:
    """Lesions with numbers, names and confidences of their own, in a file."""
    split = split or medseg.DistanceWatershed()
    told = medseg.separate_instances(
        lesion_labels(order), medseg.InstanceRules(split=split)
    )
    numbers = np.zeros_like(told.instance_map)
    for before, number in NUMBERS.items():
        numbers[told.instance_map == before] = number
    instances = tuple(
        replace(
            each,
            number=NUMBERS[each.number],
            confidence=each.number / 4,
            tracking_uid=f"1.2.{each.number}",
            tracking_id=f"Nodule {each.number}",
        )
        for each in told.instances
    )
    stored = replace(told, instance_map=numbers, instances=instances)
    medseg.write_panoptic(stored, path)
    return stored


def opened(viewer, path):
    """What napari opens of a file."""
    (made,) = layers_of(path)
    return viewer.add_layer(Layer.create(*made))


def save_labels(qtbot, panel, path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    press(qtbot, panel, "Save labels")


def uid_at(panoptic, place) -> str | None:
    number = panoptic.instance_map[place]
    (found,) = (e for e in panoptic.instances if e.number == number)
    uid: str | None = found.tracking_uid
    return uid


def test_lesions_stored_are_shown_and_saved_as_they_are(
    qtbot, open_panel, tmp_path, monkeypatch
):
    stored = in_file(tmp_path / "january.nii.gz")
    viewer = ViewerModel()
    opened(viewer, tmp_path / "january.nii.gz")
    panel = open_panel(viewer)
    assert part(panel, "Method", QComboBox).currentText() == Splitting.STORED.value

    press(qtbot, panel, "Separate lesions")
    save_labels(qtbot, panel, tmp_path / "again.nii.gz", monkeypatch)

    assert column(panel, "No.") == ["2", "7", "9"]
    assert column(panel, "Confidence") == ["0.50", "0.25", "0.75"]
    again = medseg.read_panoptic(tmp_path / "again.nii.gz")
    assert again.instances == stored.instances
    assert again.notes == stored.notes
    assert stored.notes
    assert_array_equal(again.instance_map, stored.instance_map)
    assert_array_equal(again.segmentation.array, stored.segmentation.array)


def test_a_dicom_seg_keeps_the_tracking_uid_of_each_segment(
    qtbot, open_panel, tmp_path, monkeypatch
):
    phantom = medseg.make_phantom(3, shape=(48, 40, 16), spacing_mm=(7.0, 7.0, 9.0))
    medseg.write_phantom_series(phantom, tmp_path / "CT")
    scan = medseg.read_volume(tmp_path / "CT")
    labels = replace(phantom.reference, geometry=scan.geometry)
    told = medseg.separate_instances(medseg.counted(labels, ["spleen", "liver"]))
    medseg.write_panoptic(told, tmp_path / "told.dcm", source=scan)
    viewer = ViewerModel()
    for array, options, _ in volume_layers(scan, "scan"):
        viewer.add_image(array, **options)
    opened(viewer, tmp_path / "told.dcm")
    panel = open_panel(viewer)

    press(qtbot, panel, "Separate lesions")
    save_labels(qtbot, panel, tmp_path / "again.dcm", monkeypatch)

    then, now = (
        {
            segment.SegmentLabel: segment.TrackingUID
            for segment in pydicom.dcmread(tmp_path / name).SegmentSequence
            if "TrackingUID" in segment
        }
        for name in ("told.dcm", "again.dcm")
    )
    assert len(then) == len(told.instances) > 1
    assert now == then


def test_labels_edited_since_are_not_passed_off_as_those_stored(
    qtbot, open_panel, tmp_path
):
    in_file(tmp_path / "january.nii.gz")
    viewer = ViewerModel()
    layer = opened(viewer, tmp_path / "january.nii.gz")
    panel = open_panel(viewer)

    paint(layer, 2)
    press(qtbot, panel, "Separate lesions")

    assert message(panel, STATUS).startswith("INVALID_OPTION: the labels were edited")
    assert column(panel, "No.") == []
    separate_instances(qtbot, panel)
    assert column(panel, "No.") == ["1", "2", "3"]  # the voxel painted is one


def test_what_the_file_does_not_number_is_refused_in_words(qtbot, open_panel, tmp_path):
    in_file(tmp_path / "january.nii.gz")
    viewer = ViewerModel()
    opened(viewer, tmp_path / "january.nii.gz")
    panel = open_panel(viewer)
    tick(panel, "liver", Qt.CheckState.Checked)

    press(qtbot, panel, "Separate lesions")

    assert "does not number lesions of liver" in message(panel, STATUS)


def test_it_is_offered_for_labels_of_such_a_file_only(open_panel, tmp_path):
    in_file(tmp_path / "january.nii.gz")
    viewer = ViewerModel()
    opened(viewer, tmp_path / "january.nii.gz")
    add(viewer, lesion_labels(LPS), "drawn")
    panel = open_panel(viewer)
    method = part(panel, "Method", QComboBox)

    choose(panel, "Labels", "drawn")
    assert method.findText(Splitting.STORED.value) < 0
    assert method.currentText() == Splitting.PIECES.value
    choose(panel, "Labels", "january")
    assert method.currentText() == Splitting.STORED.value


def test_the_script_reads_the_lesions_stored(
    qtbot, open_panel, tmp_path, monkeypatch, clipboard
):
    in_file(tmp_path / "january.nii.gz", TURNED)
    viewer = ViewerModel()
    opened(viewer, tmp_path / "january.nii.gz")
    panel = open_panel(viewer)
    press(qtbot, panel, "Separate lesions")
    part(panel, "Copy", QPushButton).click()
    table = clipboard.text()

    part(panel, "Copy as Python", QPushButton).click()
    monkeypatch.chdir(tmp_path)
    exec(clipboard.text(), {})  # noqa: S102 - our own script

    saved = (tmp_path / "lesions.csv").read_text(encoding="utf-8")
    assert saved.replace(",", "\t").split() == table.split()
    assert "1.2.3" in saved


@pytest.fixture
def followed(qtbot, open_panel, tmp_path):
    """Labels of July compared with lesions stored of January."""
    in_file(tmp_path / "january.nii.gz", TURNED)
    viewer = ViewerModel()
    opened(viewer, tmp_path / "january.nii.gz")
    add(viewer, lesion_labels(LPS), "july")
    panel = open_panel(viewer)
    choose(panel, "Labels", "july")
    separate_instances(qtbot, panel, Splitting.NECKS)
    choose(panel, "Baseline", "january")
    press(qtbot, panel, "Compare")
    return viewer, panel


def test_lesions_of_a_follow_up_are_saved_with_the_uids_of_the_baseline(
    qtbot, followed, tmp_path, monkeypatch
):
    _, panel = followed
    assert sorted(column(panel, "Baseline no.", TABLE)) == ["2", "7", "9"]
    assert column(panel, "Status", TABLE) == ["persisting"] * 3

    save_labels(qtbot, panel, tmp_path / "july.nii.gz", monkeypatch)

    told = "Saved july.nii.gz. 3 of 3 have the Tracking UID of the baseline."
    assert message(panel, STATUS) == told
    then, now = (
        medseg.read_panoptic(tmp_path / f"{name}.nii.gz")
        for name in ("january", "july")
    )
    to_january = np.linalg.inv(then.geometry.affine) @ now.geometry.affine
    for each in now.instances:
        voxel = np.argwhere(now.instance_map == each.number)[0]
        place = tuple(np.round(to_january @ [*voxel, 1])[:3].astype(int))
        assert each.tracking_uid == uid_at(then, place)
    assert {each.tracking_id for each in now.instances} == {
        *("Nodule 1", "Nodule 2", "Nodule 3")
    }
    rows = (tmp_path / "july.instances.csv").read_text(encoding="utf-8")
    assert "Nodule 3" in rows


def test_on_another_tab_labels_are_saved_without_them(
    qtbot, followed, tmp_path, monkeypatch
):
    _, panel = followed
    panel.view.show_section(panel.view.reference)

    save_labels(qtbot, panel, tmp_path / "july.nii.gz", monkeypatch)

    now = medseg.read_panoptic(tmp_path / "july.nii.gz")
    assert [each.tracking_uid for each in now.instances] == [None] * 3


def test_of_a_baseline_edited_since_no_uids_are_handed_on(
    followed, tmp_path, monkeypatch
):
    viewer, panel = followed
    path = tmp_path / "july.nii.gz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    paint(
        viewer.layers["january"],
        0,
        tuple(np.argwhere(viewer.layers["january"].data)[0]),
    )

    part(panel, "Save labels", QPushButton).click()

    assert "baseline was edited" in message(panel, STATUS)
    assert not path.exists()


def test_a_baseline_whose_lesions_cannot_be_read_is_separated_and_that_is_said(
    qtbot, open_panel, tmp_path
):
    in_file(tmp_path / "january.nii.gz")
    viewer = ViewerModel()
    opened(viewer, tmp_path / "january.nii.gz")
    medseg.instances_path(tmp_path / "january.nii.gz").unlink()
    add(viewer, lesion_labels(LPS), "july")
    panel = open_panel(viewer)
    choose(panel, "Labels", "july")
    separate_instances(qtbot, panel)
    choose(panel, "Baseline", "january")

    press(qtbot, panel, "Compare")

    assert column(panel, "Matched by", TABLE) == ["overlap"] * 2
    assert "baseline's own lesions cannot be read" in message(panel, "Followed in all")
