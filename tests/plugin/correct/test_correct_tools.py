from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg
from napari_medseg.correct.choice import TRAITS, Choice, Combine, Tool
from napari_medseg.correct.tools import Task, proposed, range_at, range_within
from tests.core.classical.scenes import noise

_c = medseg.classical

SHAPE = (20, 22, 16)
LABELS = medseg.LabelSet.from_names([(1, "liver"), (2, "liver tumour")])
GEOMETRY = medseg.Geometry.from_spacing(SHAPE, (2.0, 1.5, 1.0))
BRIGHT = np.zeros(SHAPE, bool)
BRIGHT[4:16, 4:18, 3:13] = True


def scan() -> medseg.Volume:
    array = np.where(BRIGHT, 100, 0).astype(np.int16)
    return medseg.Volume(array=array[None], geometry=GEOMETRY)


def label_map() -> medseg.Segmentation:
    """Half of what is bright is the liver, with a tumour in a corner of the rest."""
    array = np.zeros(SHAPE, np.uint8)
    array[:10][BRIGHT[:10]] = 1
    array[12:14, 6:9, 5:8] = 2
    return medseg.Segmentation(array=array, geometry=GEOMETRY, labels=LABELS)


def task(tool: Tool, settings=None, **choices) -> Task:
    choice = Choice(
        tool=tool,
        settings=TRAITS[tool].settings() if settings is None else settings,
        structure="liver",
        class_number=2,
        combine=Combine.ADD,
        keeps_others=True,
    )
    return Task(
        choice=replace(choice, **choices),
        labels=label_map(),
        scan=scan(),
        seeds_ras_mm=((12.0, 9.0, 7.0),),
    )


ABOVE_50 = medseg.classical.ThresholdSettings(lower=50.0)


def test_adding_leaves_other_structures_as_they_are():
    result = proposed(task(Tool.THRESHOLD, ABOVE_50)).array

    assert_array_equal(result == 2, label_map().array == 2)
    assert_array_equal(result > 0, BRIGHT)


def test_adding_over_other_structures_is_possible():
    result = proposed(task(Tool.THRESHOLD, ABOVE_50, keeps_others=False)).array

    assert_array_equal(result == 1, BRIGHT)


def test_replacing_takes_away_what_was_not_found():
    below = medseg.classical.ThresholdSettings(upper=50.0)

    result = proposed(task(Tool.THRESHOLD, below, combine=Combine.REPLACE)).array

    assert_array_equal(result == 1, ~BRIGHT)


def test_removing_takes_away_what_was_found_from_the_structure_alone():
    result = proposed(task(Tool.THRESHOLD, ABOVE_50, combine=Combine.REMOVE)).array

    assert not (result == 1).any()
    assert_array_equal(result == 2, label_map().array == 2)


def test_keeping_within_adds_nothing():
    result = proposed(task(Tool.THRESHOLD, ABOVE_50, combine=Combine.WITHIN)).array

    assert_array_equal(result, label_map().array)


@pytest.mark.parametrize("tool", [Tool.OTSU, Tool.GROW, Tool.LIKENESS, Tool.HYSTERESIS])
def test_the_bright_region_is_found_by(tool):
    settings = {
        Tool.GROW: medseg.classical.GrowSettings(lower=50.0),
        Tool.HYSTERESIS: medseg.classical.HysteresisSettings(strong=80.0, weak=50.0),
    }.get(tool)

    assert_array_equal(proposed(task(tool, settings)).array > 0, BRIGHT)


@pytest.mark.parametrize("tool", [Tool.KMEANS, Tool.MIXTURE])
def test_a_class_is_taken_by_its_number(tool):
    two = medseg.classical.ClusterSettings(classes=2)

    darkest = proposed(task(tool, two, class_number=1, combine=Combine.REPLACE))

    assert_array_equal(darkest.array == 1, ~BRIGHT)


RIM = ndimage.binary_dilation(BRIGHT, iterations=2) & ~ndimage.binary_erosion(
    BRIGHT, iterations=2
)
GREY = noise(SHAPE, 2.0) + np.where(BRIGHT, 100, 0)


def looked_at(tool: Tool, array: np.ndarray, settings) -> np.ndarray:
    """What a tool finds in a scan of these intensities."""
    one = medseg.Volume(array=array[None], geometry=GEOMETRY)
    made = task(tool, settings, combine=Combine.REPLACE, keeps_others=False)
    found: np.ndarray = proposed(replace(made, scan=one)).array == 1
    return found


@pytest.mark.parametrize(
    ("tool", "settings"),
    [
        (Tool.CANNY, _c.CannySettings(sigma_mm=1.0)),
        (Tool.GRADIENT, _c.GradientSettings(sigma_mm=1.0)),
    ],
)
def test_edges_lie_at_the_rim_on_every_side(tool, settings):
    found = looked_at(tool, GREY, settings)

    assert not (found & ~RIM).any()
    for line in (found[:, 11, 8], found[10, :, 8], found[10, 11, :]):
        first, second = np.split(line, [len(line) // 2])
        assert first.any()
        assert second.any()


def test_the_basin_that_was_clicked_is_taken():
    found = looked_at(Tool.BASINS, GREY, _c.WatershedSettings(level=15.0, sigma_mm=1.0))

    assert_array_equal(found[~RIM], BRIGHT[~RIM])


def test_the_supervoxel_that_was_clicked_is_taken():
    found = looked_at(Tool.PIECES, GREY, _c.SupervoxelSettings(edge_mm=8.0))

    assert found[6, 6, 7]  # the voxel that holds the seed
    assert 0 < found.sum() < BRIGHT.sum()
    assert not (found & ~BRIGHT).any()


def test_a_structure_is_flooded_from_its_marker_up_to_that_of_the_surroundings():
    array = np.full(SHAPE, 2, np.uint8)
    array[1:-1, 1:-1, 1:-1] = 0
    array[8:12, 9:13, 6:10] = 1
    painted = medseg.Segmentation(array=array, geometry=GEOMETRY, labels=LABELS)
    grey = medseg.Volume(array=GREY[None], geometry=GEOMETRY)

    result = proposed(replace(task(Tool.MARKERS), labels=painted, scan=grey)).array

    assert_array_equal((result == 1)[~RIM], BRIGHT[~RIM])
    assert_array_equal(result == 2, array == 2)


@pytest.mark.parametrize("structure", ["liver", "liver tumour"])
def test_markers_of_one_structure_alone_are_refused(structure):
    alone = replace(label_map(), array=np.where(label_map().array == 1, 1, 0))

    with pytest.raises(medseg.WrongUse, match="Paint a few voxels"):
        proposed(replace(task(Tool.MARKERS, structure=structure), labels=alone))


def test_the_body_and_the_lungs_of_a_ct_are_found():
    lungs = np.zeros(SHAPE, bool)
    lungs[7:13, 7:15, 5:11] = True
    hu = np.where(lungs, -850, np.where(BRIGHT, 40, -1000)).astype(np.int16)

    body = looked_at(Tool.BODY, hu, _c.BodySettings(opening_mm=0.0))
    found = looked_at(Tool.LUNGS, hu, _c.LungSettings(closing_mm=0.0, smallest_ml=0.1))

    assert_array_equal(body, BRIGHT)
    assert_array_equal(found, lungs)


@pytest.mark.parametrize("tool", [t for t in Tool if not TRAITS[t].finds_region])
def test_a_tool_for_a_structure_leaves_the_others(tool):
    result = proposed(task(tool))

    assert_array_equal(result.array == 2, label_map().array == 2)


def test_a_split_gives_new_structures_names_that_are_free():
    array = np.zeros(SHAPE, np.uint8)
    array[1:6, 2:9, 2:14], array[12:19, 2:9, 2:14] = 1, 1
    names = medseg.LabelSet.from_names([(1, "liver"), (4, "liver 2")])
    apart = medseg.Segmentation(array=array, geometry=GEOMETRY, labels=names)

    result = proposed(replace(task(Tool.SPLIT), labels=apart))

    assert result.labels.names == ("liver", "liver 2", "liver 3")
    assert result.labels["liver 3"].id == 5
    assert (result.array[12:19, 2:9, 2:14] == 1).all()
    assert (result.array[1:6, 2:9, 2:14] == 5).all()


def test_a_tool_that_looks_at_a_scan_needs_one():
    with pytest.raises(medseg.WrongUse, match="Choose the scan"):
        proposed(replace(task(Tool.THRESHOLD), scan=None))


def test_the_range_of_a_structure_leaves_out_its_extremes():
    scan = np.arange(303.0).reshape(101, 3, 1)
    labels = np.zeros((101, 3, 1), np.uint8)
    labels[:, 0] = 2  # 0, 3, 6 ... 300

    assert range_within(labels, scan, 2) == (6.0, 294.0)
    assert range_within(labels, scan, 1) is None


def test_the_range_at_a_seed_holds_what_is_round_it():
    rng = np.random.default_rng(0)
    array = rng.normal(40, 10, (9, 9, 9))
    array[:, :, 7:] = 900  # two voxels off, not looked at

    low, high = range_at(array, (4, 4, 4))

    assert 5 < low < 35
    assert 45 < high < 75
