import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from numpy.testing import assert_allclose, assert_array_equal

import medseg
from napari_medseg.layers.conversion import (
    is_placed,
    placement_of,
    record_of,
    segmentation_layer,
    segmentation_of,
    volume_layers,
    volume_of,
)
from tests.plugin.scans import (
    LABELS,
    ORIENTATIONS,
    in_voxel_order,
    marker_image,
    marker_labels,
    marker_scan,
    rotated,
    scan_of,
)


def image_layer(volume: medseg.Volume) -> Image:
    return Layer.create(*volume_layers(volume, "scan")[0])


def labels_layer(segmentation: medseg.Segmentation) -> Labels:
    return Layer.create(*segmentation_layer(segmentation, "labels"))


def oblique_scan() -> medseg.Volume:
    array, geometry = in_voxel_order(marker_image(), (1, 0, 2), (True, False, False))
    return scan_of(array, rotated(geometry, 17))


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS[::5])
def test_a_scan_comes_back_from_its_layer_voxel_for_voxel(axes, flips):
    volume = marker_scan(axes, flips)

    again = volume_of(image_layer(volume))

    assert_array_equal(again.array, volume.array)
    assert_array_equal(again.geometry.affine, volume.geometry.affine)
    assert again.channels == ("CT",)
    assert again.case_id == "c1"


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS[::5])
def test_a_label_map_comes_back_from_its_layer_voxel_for_voxel(axes, flips):
    segmentation = marker_labels(axes, flips)

    again = segmentation_of(labels_layer(segmentation))

    assert_array_equal(again.array, segmentation.array)
    assert_array_equal(again.geometry.affine, segmentation.geometry.affine)
    assert again.labels == LABELS


def test_an_oblique_scan_keeps_its_exact_grid():
    volume = oblique_scan()

    again = volume_of(image_layer(volume))

    assert_array_equal(again.geometry.affine, volume.geometry.affine)
    assert_array_equal(again.array, volume.array)


def test_a_layer_has_scale_and_translate_only_in_millimetres():
    layer = image_layer(oblique_scan())

    assert is_placed(layer)
    assert tuple(layer.axis_labels) == ("S", "A", "R")
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3


def test_labels_a_user_adds_lie_on_the_scans_own_grid():
    viewer = ViewerModel()
    volume = marker_scan((2, 0, 1), (True, False, True))
    scan = viewer.add_layer(image_layer(volume))
    viewer.layers.selection.active = scan
    viewer._new_labels()  # noqa: SLF001 - what napari's new-labels button calls
    drawn = viewer.layers[-1]
    drawn.data[3, 4, 5] = 2

    made = segmentation_of(drawn, viewer.layers)

    assert record_of(drawn) is None
    assert_array_equal(made.geometry.affine, volume.geometry.affine)
    assert made.labels.names == ("label 2",)
    index = np.argwhere(made.array)[0]
    shown = np.array([3, 4, 5]) * scan.scale + scan.translate
    assert_allclose(made.geometry.to_world(index), shown[::-1], atol=1e-9)


def test_labels_a_user_adds_are_placed_without_the_scan_too():
    volume = marker_scan((2, 0, 1), (True, False, True))
    scan = image_layer(volume)
    drawn = Labels(
        np.zeros(scan.data.shape, np.uint8),
        scale=scan.scale,
        translate=scan.translate,
        units=scan.units,
        axis_labels=scan.axis_labels,
    )
    drawn.data[3, 4, 5] = 1

    made = segmentation_of(drawn)

    index = np.argwhere(made.array)[0]
    shown = np.array([3, 4, 5]) * scan.scale + scan.translate
    assert_allclose(made.geometry.to_world(index), shown[::-1], atol=1e-9)


def test_labels_a_user_adds_to_an_oblique_scan_are_oblique_with_it():
    viewer = ViewerModel()
    volume = oblique_scan()
    viewer.layers.selection.active = viewer.add_layer(image_layer(volume))
    viewer._new_labels()  # noqa: SLF001 - what napari's new-labels button calls

    made = segmentation_of(viewer.layers[-1], viewer.layers)

    assert_array_equal(made.geometry.affine, volume.geometry.affine)


def without_axis_names(scan):
    """Labels as the button of napari before 0.9 adds them to a scan."""
    return Labels(
        np.ones(scan.data.shape, np.uint8),
        scale=scan.scale,
        translate=scan.translate,
        units=scan.units,
    )


def test_labels_without_names_of_axes_lie_on_the_scan_they_are_shown_with():
    volume = oblique_scan()
    scan = image_layer(volume)
    drawn = without_axis_names(scan)

    made = segmentation_of(drawn, iter((drawn, scan)))

    assert_array_equal(made.geometry.affine, volume.geometry.affine)


def test_labels_without_names_of_axes_have_no_place_beside_another_scan():
    scan = image_layer(marker_scan())
    drawn = without_axis_names(scan)
    drawn.translate = np.add(drawn.translate, (0, 0, 10))

    assert not is_placed(drawn, [drawn, scan])
    with pytest.raises(medseg.UnusableInput, match="no place in the patient"):
        segmentation_of(drawn, [drawn, scan])


def test_a_layer_the_user_moved_is_where_the_user_put_it():
    layer = labels_layer(marker_labels())
    layer.translate = np.add(layer.translate, (0, 0, 10))

    moved = segmentation_of(layer)

    was = marker_labels().geometry.centre_ras_mm
    assert_allclose(moved.geometry.centre_ras_mm - was, [10, 0, 0])


def test_a_label_painted_without_a_name_is_kept_under_its_number():
    layer = labels_layer(marker_labels())
    layer.data[0, 0, 0] = 9

    assert segmentation_of(layer).labels.names == ("liver", "liver tumour", "label 9")


def test_a_label_map_says_names_and_volumes_and_has_the_structures_colours():
    segmentation = marker_labels()
    layer = labels_layer(segmentation)

    assert list(layer.features["index"]) == [0, 1, 2]
    assert list(layer.features["structure"])[1:] == ["liver", "liver tumour"]
    assert list(layer.features["volume_ml"])[1:] == [
        pytest.approx(segmentation.volume_ml(name), abs=0.005) for name in LABELS.names
    ]
    for structure in LABELS:
        shown = layer.colormap.map(structure.id)[:3] * 255
        assert_allclose(shown, structure.colour, atol=0.5)
    assert layer.data.dtype == np.uint8


def test_editing_a_label_map_layer_changes_nothing_else():
    segmentation = marker_labels()
    before = segmentation.array.copy()

    labels_layer(segmentation).data[:] = 0

    assert_array_equal(segmentation.array, before)


def test_ct_is_shown_in_an_abdominal_window_and_mr_by_its_own_intensities():
    ct = image_layer(marker_scan())
    values = np.random.default_rng(0).normal(500, 50, (20, 24, 14)).astype(np.float32)
    mr = image_layer(scan_of(*in_voxel_order(values), channel="MR"))

    assert ct.contrast_limits == [-135, 215]
    assert_allclose(mr.contrast_limits, np.percentile(values, (0.5, 99.5)))


def test_a_constant_image_can_be_shown():
    layer = image_layer(scan_of(*in_voxel_order(np.zeros((4, 5, 6))), channel="MR"))

    assert layer.contrast_limits[0] < layer.contrast_limits[1]


def test_each_channel_becomes_a_layer():
    array, geometry = in_voxel_order(marker_image())
    volume = medseg.Volume(
        array=np.stack([array, array + 1]), geometry=geometry, channels=("T1", "FLAIR")
    )

    first, second = (Layer.create(*made) for made in volume_layers(volume, "scan"))

    assert (first.name, second.name) == ("scan T1", "scan FLAIR")
    assert volume_of(second).channels == ("FLAIR",)
    assert_array_equal(volume_of(second).array[0], array + 1)


@pytest.mark.parametrize(
    "layer",
    [
        Image(np.zeros((4, 5, 6)), name="plain"),
        Image(np.zeros((5, 6)), name="flat"),
        Image(
            np.zeros((4, 5, 6)),
            name="turned",
            rotate=[[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]],
            units="mm",
            axis_labels=("S", "A", "R"),
        ),
    ],
    ids=lambda layer: layer.name,
)
def test_a_layer_with_no_place_in_a_patient_is_refused(layer):
    with pytest.raises(medseg.UnusableInput, match="MISSING_GEOMETRY"):
        placement_of(layer)
