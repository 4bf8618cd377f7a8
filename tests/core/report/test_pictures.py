"""Windowing, PNG and outlines."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from medseg import Geometry, Volume
from medseg.report.pictures import Window, outline_path, png_uri, window_of


def points_of(path: str) -> np.ndarray:
    """All corners (x, y) of SVG path data."""
    return np.array(re.findall(r"[\d.]+", path), float).reshape(-1, 2)


def volume(array: np.ndarray, channel: str) -> Volume:
    geometry = Geometry(array.shape, np.eye(4))
    return Volume(array=array[None], geometry=geometry, channels=(channel,))


def test_ct_is_shown_at_level_40_and_width_350():
    window = window_of(volume(np.zeros((4, 4, 4)), "CT"))
    hu = np.array([[-1000.0, -135.0, 40.0, 215.0, 3000.0]])
    assert window.grey(hu).tolist() == [[0, 0, 128, 255, 255]]


def test_mr_is_shown_between_its_1st_and_99th_percentile():
    array = np.random.default_rng(0).uniform(0, 1000, (60, 60, 60))
    window = window_of(volume(array, "MR"))
    assert window.black == pytest.approx(10, abs=3)
    assert window.white == pytest.approx(990, abs=3)


def test_a_scan_of_one_value_can_be_shown():
    grey = window_of(volume(np.full((4, 4, 4), 7.0), "MR")).grey(np.full((2, 2), 7.0))
    assert grey.tolist() == [[0, 0], [0, 0]]


def test_16_bit_values_do_not_overflow():
    pixels = np.array([[-32768, 32767]], np.int16)
    assert Window(-135.0, 215.0).grey(pixels).tolist() == [[0, 255]]


def test_the_png_holds_the_same_grey_values():
    grey = np.random.default_rng(0).integers(0, 256, (9, 7), dtype=np.uint8)
    kind, data = png_uri(grey[::-1, ::-1]).split(",")
    assert kind == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    np.testing.assert_array_equal(np.asarray(image), grey[::-1, ::-1])


def test_the_outline_of_a_box_lies_on_its_edge_in_millimetres():
    mask = np.zeros((10, 20), bool)
    mask[2:6, 5:15] = True
    points = points_of(outline_path(mask, (3.0, 0.5)))
    np.testing.assert_allclose(points.min(axis=0), (5 * 0.5, 2 * 3.0))
    np.testing.assert_allclose(points.max(axis=0), (15 * 0.5, 6 * 3.0))


def test_a_mask_that_fills_the_picture_is_outlined_at_its_border():
    points = points_of(outline_path(np.ones((4, 4), bool), (1.0, 1.0)))
    assert points.min() == 0
    assert points.max() == 4


def test_two_parts_and_a_hole_are_three_closed_lines():
    mask = np.zeros((20, 20), bool)
    mask[2:9, 2:9] = True
    mask[4:7, 4:7] = False
    mask[12:15, 12:15] = True
    path = outline_path(mask, (1.0, 1.0))
    assert path.count("M") == path.count("Z") == 3


def test_an_empty_mask_has_no_outline():
    assert outline_path(np.zeros((5, 5), bool), (1.0, 1.0)) == ""
