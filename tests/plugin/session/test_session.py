from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from napari.utils.colormaps import DirectLabelColormap
from numpy.testing import assert_allclose, assert_array_equal

import medseg
from napari_medseg.layers.conversion import (
    HELPER_KEY,
    Origin,
    record_of,
    segmentation_layer,
    segmentation_of,
    volume_layers,
    volume_of,
)
from napari_medseg.session.files import (
    Taken,
    folder_of,
    open_session,
    remove_session,
    save_session,
)
from napari_medseg.session.layers import add_restored, taken_layers, taken_view
from napari_medseg.viewing.camera import camera_of
from tests.plugin.scans import LABELS, marker_labels, marker_scan, rotated

MADE = medseg.Provenance(
    case_id="c1",
    input_sha256="0" * 64,
    model="m",
    model_sha256="",
    versions=(("medseg", "1"),),
    settings=(),
)


@pytest.fixture
def scan_file(tmp_path):
    path = tmp_path / "scans" / "c1.nii.gz"
    medseg.write_volume(marker_scan((2, 0, 1), (True, False, False)), path)
    return path


@pytest.fixture
def viewer(scan_file):
    viewer = ViewerModel()
    volume = medseg.read_volume(scan_file)
    made = volume_layers(volume, "scan", Origin(path=scan_file))[0]
    viewer.add_layer(Layer.create(*made))
    labels = medseg.Segmentation(
        array=body_and_marker(volume.array[0]),
        geometry=volume.geometry,
        labels=LABELS,
        provenance=MADE,
    )
    viewer.add_layer(Layer.create(*segmentation_layer(labels, "result")))
    return viewer


def body_and_marker(array):
    return (array > 0).astype(np.uint8) + (array > 100).astype(np.uint8)


def taken(viewer):
    layers, left_out = taken_layers(viewer)
    return Taken(
        layers=tuple(layers), left_out=tuple(left_out), view=taken_view(viewer)
    )


def reopened(path):
    viewer = ViewerModel()
    opened = open_session(path)
    add_restored(viewer, opened.layers, opened.session.view)
    return viewer, opened


def test_scan_and_labels_come_back_voxel_for_voxel(viewer, tmp_path):
    path = save_session(taken(viewer), tmp_path / "day")

    again, opened = reopened(path)

    assert path.name == "day.medseg.json"
    assert opened.problems == ()
    assert [layer.name for layer in again.layers] == ["scan", "result"]
    for before, after in zip(viewer.layers, again.layers, strict=True):
        assert_array_equal(after.data, before.data)
        assert_array_equal(after.translate, before.translate)
    was, now = segmentation_of(viewer.layers[1]), segmentation_of(again.layers[1])
    assert now.labels == was.labels
    assert now.provenance == MADE
    assert volume_of(again.layers[0]).sha256 == volume_of(viewer.layers[0]).sha256


def test_the_grid_of_oblique_labels_is_kept_to_the_last_digit(tmp_path):
    viewer = ViewerModel()
    geometry = rotated(marker_labels().geometry, 17.3)
    labels = replace(marker_labels(), geometry=geometry)
    viewer.add_layer(Layer.create(*segmentation_layer(labels, "oblique")))

    again, _ = reopened(save_session(taken(viewer), tmp_path / "day"))

    found = segmentation_of(again.layers[0]).geometry
    assert_array_equal(found.affine, geometry.affine)


def test_looks_come_back(viewer, tmp_path):
    scan, labels = viewer.layers
    scan.contrast_limits, scan.gamma, scan.colormap = (-50, 250), 0.8, "bone"
    labels.contour, labels.opacity, labels.visible = 3, 0.7, False
    colours = dict(labels.colormap.color_dict) | {2: (1.0, 0.0, 0.0, 0.0)}
    labels.colormap = DirectLabelColormap(color_dict=colours)

    again, _ = reopened(save_session(taken(viewer), tmp_path / "day"))

    shown, drawn = again.layers
    assert shown.contrast_limits == [-50, 250]
    assert (shown.gamma, shown.colormap.name) == (0.8, "bone")
    assert (drawn.contour, drawn.opacity, drawn.visible) == (3, 0.7, False)
    assert_allclose(drawn.colormap.map(2), (1, 0, 0, 0))  # hidden, as it was
    assert_allclose(drawn.colormap.map(1), labels.colormap.map(1))


def test_the_view_comes_back(viewer, tmp_path):
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_point(1, 25.5)
    camera_of(viewer).zoom = 3.5
    viewer.layers.selection.active = viewer.layers[0]

    again, _ = reopened(save_session(taken(viewer), tmp_path / "day"))

    assert again.dims.order == (1, 0, 2)
    assert_allclose(again.dims.point, viewer.dims.point)
    assert camera_of(again).zoom == 3.5
    assert again.layers.selection.active is again.layers[0]


def test_a_scan_made_in_memory_is_kept_with_the_session(tmp_path):
    viewer = ViewerModel()
    viewer.add_layer(Layer.create(*volume_layers(marker_scan(), "phantom")[0]))

    again, opened = reopened(save_session(taken(viewer), tmp_path / "day"))

    assert opened.problems == ()
    assert_array_equal(again.layers[0].data, viewer.layers[0].data)
    assert volume_of(again.layers[0]).channels == ("CT",)


def test_a_session_that_moves_with_its_scans_finds_them(viewer, tmp_path):
    save_session(taken(viewer), tmp_path / "day")
    moved = tmp_path.with_name(tmp_path.name + "_moved")
    tmp_path.rename(moved)

    _, opened = reopened(moved / "day.medseg.json")

    assert opened.problems == ()
    moved.rename(tmp_path)


def test_the_right_scan_is_found_although_another_one_is_where_it_was(
    viewer, scan_file, tmp_path
):
    save_session(taken(viewer), tmp_path / "day")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("day.medseg.json", "day.medseg-files", "scans"):
        (tmp_path / name).rename(elsewhere / name)
    medseg.write_volume(marker_scan(), scan_file)

    again, opened = reopened(elsewhere / "day.medseg.json")

    assert opened.problems == ()
    assert_array_equal(again.layers["scan"].data, viewer.layers["scan"].data)
    record = record_of(again.layers["scan"])
    assert record is not None
    assert record.origin == Origin(path=elsewhere / "scans/c1.nii.gz")


@pytest.mark.parametrize("change", ["absent", "other"])
def test_a_scan_that_is_gone_or_changed_is_told_and_the_labels_open(
    viewer, scan_file, tmp_path, change
):
    path = save_session(taken(viewer), tmp_path / "day")
    scan_file.unlink()
    if change == "other":
        medseg.write_volume(marker_scan(), scan_file)

    again, opened = reopened(path)

    assert [layer.name for layer in again.layers] == ["result"]
    assert len(opened.problems) == 1
    assert opened.problems[0].startswith("scan: ")


def test_only_labels_that_changed_are_written_again(viewer, tmp_path):
    path = save_session(taken(viewer), tmp_path / "day")
    viewer.add_layer(Layer.create(*segmentation_layer(marker_labels(), "second")))
    (first,) = folder_of(path).glob("*.nii.gz")
    written = first.stat().st_mtime_ns

    save_session(taken(viewer), path)
    assert first.stat().st_mtime_ns == written
    assert len(list(folder_of(path).glob("*.nii.gz"))) == 2

    viewer.layers["result"].data[0, 0, 0] = 1
    save_session(taken(viewer), path)
    assert not first.exists()
    assert reopened(path)[0].layers["result"].data[0, 0, 0] == 1


def test_a_save_that_stops_half_way_leaves_the_session_as_it_was(viewer, tmp_path):
    path = save_session(taken(viewer), tmp_path / "day")
    before = viewer.layers["result"].data.copy()
    viewer.layers["result"].data[:] = 1
    broken = replace(taken(viewer), view="no view")  # fails once labels are written

    with pytest.raises(ValueError, match="view"):
        save_session(broken, path)

    assert_array_equal(reopened(path)[0].layers["result"].data, before)


def test_other_layers_are_named_and_left_out(viewer, tmp_path):
    viewer.add_points(np.zeros((1, 3)), name="marks")
    viewer.add_image(np.zeros((3, 4, 5)), name="cells")

    path = save_session(taken(viewer), tmp_path / "day")

    assert open_session(path).session.left_out == ("marks", "cells")


def test_sessions_open_beside_what_is_open(viewer, tmp_path):
    viewer.layers.selection.active = viewer.layers["scan"]
    path = save_session(taken(viewer), tmp_path / "day")
    opened = open_session(path)

    scan, _ = add_restored(viewer, opened.layers, opened.session.view)

    assert len(viewer.layers) == 4
    assert viewer.layers.selection.active is scan


def test_layers_that_a_panel_made_for_itself_are_not_kept(viewer, tmp_path):
    preview = Layer.create(*segmentation_layer(marker_labels(), "preview"))
    preview.metadata[HELPER_KEY] = True
    viewer.add_layer(preview)

    again, opened = reopened(save_session(taken(viewer), tmp_path / "day"))

    assert [layer.name for layer in again.layers] == ["scan", "result"]
    assert opened.session.left_out == ()


def test_a_colormap_that_is_not_known_here_leaves_the_scan_grey(viewer, tmp_path):
    path = save_session(taken(viewer), tmp_path / "day")
    path.write_text(path.read_text().replace('"gray"', '"my own"'))

    again, opened = reopened(path)

    assert opened.problems == ()
    assert again.layers["scan"].colormap.name == "gray"


def test_a_name_without_its_ending_replaces_no_session(viewer, tmp_path):
    path = save_session(taken(viewer), tmp_path / "day")
    before = path.read_bytes()

    with pytest.raises(medseg.WrongUse, match="OUTPUT_EXISTS"):
        save_session(taken(ViewerModel()), tmp_path / "day")
    assert path.read_bytes() == before
    assert len(reopened(path)[0].layers) == 2


def test_removing_a_session_leaves_other_files_alone(viewer, tmp_path):
    path = save_session(taken(viewer), tmp_path / "day")
    (folder_of(path) / "mine.txt").write_text("keep")

    remove_session(path)

    assert not path.exists()
    assert [file.name for file in folder_of(path).iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("text", ["", "{}", '{"format": "medseg-session"}'])
def test_what_is_no_session_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "day.medseg.json"
    path.write_text(text)

    with pytest.raises(medseg.UnusableInput, match="NOT_READABLE: it is no session"):
        open_session(path)
    with pytest.raises(medseg.UnusableInput, match="NOT_READABLE"):
        open_session(tmp_path / "absent.medseg.json")
