"""The script does to files what the panel does to layers."""

import inspect
import re
from dataclasses import replace
from typing import get_type_hints

import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_array_equal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QPushButton

import medseg
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.correct.choice import TRAITS, Choice, Combine, Tool
from napari_medseg.correct.script import ScriptedEdit, ScriptedScan, script_of
from napari_medseg.correct.tools import Task, proposed
from napari_medseg.correct.widget import CorrectWidget
from napari_medseg.layers.conversion import (
    Origin,
    segmentation_layer,
    segmentation_of,
    volume_layers,
)
from napari_medseg.layers.placement import Placement
from napari_medseg.layers.regions import Box, region_layer
from tests.plugin.scans import marker_labels, marker_scan
from tests.plugin.widgets import part

_c = medseg.classical
BOX = Box(first=(1, 2, 0), stop=(19, 23, 12))
SEED_RAS_MM = (-30.0 + 2 * 16, 12.0 + 1.5 * 20, 100.0 + 4 * 11)  # in the marker
SETTINGS = {
    Tool.THRESHOLD: _c.ThresholdSettings(lower=300.0, upper=500.0),
    Tool.GROW: _c.GrowSettings(lower=300.0, upper=500.0),
    Tool.SMOOTH: _c.SmoothSettings(),
}
LABELS_ORDER = ((0, 1, 2), (False, False, False))
SCAN_ORDER = ((2, 0, 1), (True, False, True))


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A scan and, with its voxels in another order, labels of it."""
    monkeypatch.chdir(tmp_path)
    medseg.write_volume(marker_scan(*SCAN_ORDER), tmp_path / "it's a ct.nii.gz")
    medseg.write_segmentation(marker_labels(), tmp_path / "labels.nii.gz")
    return tmp_path


def choice(tool, combine=Combine.ADD, *, keeps_others=True):
    return Choice(
        tool=tool,
        settings=SETTINGS.get(tool) or TRAITS[tool].settings(),
        structure="liver",
        class_number=2,
        combine=combine,
        keeps_others=keeps_others,
    )


def made_by_script(files, edit):
    exec(compile(script_of(edit), "script", "exec"), {})  # noqa: S102 - as users do
    return medseg.read_segmentation(files / "corrected.nii.gz")


def scripted(files, made, box):
    scan = ScriptedScan(
        origin=Origin(path=files / "it's a ct.nii.gz"),
        channel="",
        placement=Placement.of(marker_scan(*SCAN_ORDER).geometry),
    )
    return ScriptedEdit(
        choice=made,
        label=1,
        labels=Origin(path=files / "labels.nii.gz"),
        placement=Placement.of(marker_labels().geometry),
        scan=scan if TRAITS[made.tool].needs_scan else None,
        box=box,
        seeds_ras_mm=(SEED_RAS_MM,) if TRAITS[made.tool].needs_seed else (),
    )


def made_by_panel(made, box):
    """What the panel's own work gives, on the order of voxels of the labels."""
    labels, scan = marker_labels(), marker_scan()
    slices = box.slices if box else (slice(None),) * 3
    part = labels.array[slices]
    start = box.first if box else (0, 0, 0)
    grid = labels.geometry.cropped(start, part.shape)
    task = Task(
        choice=made,
        labels=replace(labels, array=part, geometry=grid),
        scan=medseg.Volume(array=scan.array[(slice(None), *slices)], geometry=grid),
        seeds_ras_mm=(SEED_RAS_MM,),
    )
    result = proposed(task)
    array = labels.array.astype(result.array.dtype)
    array[slices] = result.array
    return array, result.labels


@pytest.mark.parametrize("tool", list(Tool))
def test_of_every_tool_the_script_gives_what_the_panel_gives(files, tool):
    made = choice(tool)

    written = made_by_script(files, scripted(files, made, None))

    array, labels = made_by_panel(made, None)
    assert_array_equal(written.array, array)
    assert written.labels.names == labels.names


def test_every_method_for_a_scan_is_a_tool(files):
    """What the scripts of all tools call, and what there is."""
    scripts = [script_of(scripted(files, choice(tool), None)) for tool in Tool]
    called = set(re.findall(r"medseg\.classical\.(\w+)\(", "".join(scripts)))

    there = {name for name in _c.__all__ if is_method_for_a_scan(getattr(_c, name))}

    assert len(there) >= 15
    assert there <= called


def is_method_for_a_scan(public):
    """Whether it is a function from a scan, and more, to a label map."""
    if not inspect.isfunction(public):
        return False
    hints = get_type_hints(public)
    return medseg.Volume in hints.values() and hints["return"] is medseg.Segmentation


@pytest.mark.parametrize("keeps_others", [True, False])
@pytest.mark.parametrize("combine", list(Combine))
def test_however_a_region_is_combined_within_a_box(files, combine, keeps_others):
    made = choice(Tool.THRESHOLD, combine, keeps_others=keeps_others)

    written = made_by_script(files, scripted(files, made, BOX))

    assert_array_equal(written.array, made_by_panel(made, BOX)[0])


def test_a_region_is_found_by_the_script(files):
    made = choice(Tool.GROW, keeps_others=False)

    written = made_by_script(files, scripted(files, made, None))

    assert np.array_equal(written.array == 1, marker_labels().array > 0)
    assert not (written.array == 2).any()


@pytest.mark.gui
def test_the_panel_copies_what_apply_does(qtbot, files, clipboard):
    viewer = ViewerModel()
    scan_path, labels_path = files / "it's a ct.nii.gz", files / "labels.nii.gz"
    volume = medseg.read_volume(scan_path)
    array, options, _ = volume_layers(volume, "scan", Origin(path=scan_path))[0]
    viewer.add_image(array, **options)
    read = medseg.read_segmentation(labels_path)
    made = segmentation_layer(read, "labels", Origin(path=labels_path))
    viewer.add_labels(made[0], **made[1])
    panel = CorrectWidget(viewer)
    qtbot.addWidget(panel)
    region = region_layer(viewer.layers["scan"])
    viewer.add_layer(region)
    corners = [(6, 12, 9), (6, 12, 17), (6, 18, 17), (6, 18, 9)]
    where = [viewer.layers["scan"].data_to_world(corner) for corner in corners]
    region.add_rectangles([np.array([region.world_to_data(place) for place in where])])
    part(panel, "Region", LayerBox).choose(region)
    part(panel, "Result", QComboBox).setCurrentText(Combine.REMOVE)
    part(panel, "Structure", QComboBox).setCurrentText("liver tumour")
    part(panel, "Lower", QDoubleSpinBox).setValue(300)
    part(panel, "Upper", QDoubleSpinBox).setValue(500)
    part(panel, "Copy as Python", QPushButton).click()
    script = clipboard.text()
    part(panel, "Apply", QPushButton).click()
    qtbot.waitUntil(lambda: panel.is_at_rest, timeout=30_000)

    exec(compile(script, "script", "exec"), {})  # noqa: S102 - as users do

    edited = segmentation_of(viewer.layers["labels edited"], viewer.layers)
    written = medseg.read_segmentation(files / "corrected.nii.gz")
    assert_array_equal(written.array, edited.array)
    assert 0 < (edited.array == 2).sum() < (read.array == 2).sum()
    part(panel, "Copy as Python", QPushButton).click()
    assert "'PATH OF THE LABELS'" in clipboard.text()
    panel.end()
