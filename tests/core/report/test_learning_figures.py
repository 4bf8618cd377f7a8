"""Curves and sample predictions of a training."""

import io

import numpy as np
import pytest
from PIL import Image

from medseg.report import LearningCurves, WatchedPatch, curves_png, patches_png

RED, BLUE = (255, 0, 0), (0, 0, 255)


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def where(picture: np.ndarray, colour) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels nearly of a colour."""
    rows, columns = np.nonzero((np.abs(picture - colour).sum(-1)) < 60)
    return rows, columns


def curves(count: int) -> LearningCurves:
    return LearningCurves(
        steps=range(100, 100 * (count + 1), 100),
        loss=[1 / (n + 1) for n in range(count)],
        learning_rate=[1e-3] * count,
        dice={"liver": [0.1 * n for n in range(count)], "$a_b$": [None] * count},
    )


@pytest.mark.parametrize("count", [0, 1, 8])
def test_curves_are_drawn_from_the_first_checkpoint_on(count):
    picture = pixels(curves_png(curves(count), [RED, BLUE]))
    assert picture.shape == (300, 900, 3)
    _, columns = where(picture, RED)
    assert columns.min() > 300
    assert columns.max() < 600


def patch_of(reference: np.ndarray, prediction: np.ndarray) -> WatchedPatch:
    return WatchedPatch(
        image=np.zeros((20, 20, 4), np.float32),
        reference=reference[None],
        prediction=prediction[None],
    )


def corner(*, right: bool, anterior: bool) -> np.ndarray:
    mask = np.zeros((20, 20, 4), bool)
    rows, columns = (
        slice(13, 18) if side else slice(2, 7) for side in (right, anterior)
    )
    mask[rows, columns, 2] = True
    return mask


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("anterior", [True, False])
def test_the_patients_right_is_on_the_left_and_anterior_is_up(right, anterior):
    mask = corner(right=right, anterior=anterior)
    png = patches_png([patch_of(mask, mask & False)], ["a"], [RED], (1.0, 1.0, 1.0))
    rows, columns = where(pixels(png)[:280], RED)
    assert (columns.mean() < 150) == right
    assert (rows.mean() < 150) == anterior


def test_the_prediction_is_outlined_where_there_is_no_reference():
    nothing = np.zeros((20, 20, 4), bool)
    for reference, prediction in (
        (nothing, corner(right=True, anterior=True)),
        (corner(right=True, anterior=True), nothing),
    ):
        png = patches_png(
            [patch_of(reference, prediction)] * 2, ["a"], [BLUE], (1.0, 1.0, 5.0)
        )
        rows, _ = where(pixels(png)[:280], BLUE)
        assert len(rows) > 30


def test_patches_with_nothing_in_them_are_drawn():
    nothing = np.zeros((20, 20, 4), bool)
    everything = ~nothing
    png = patches_png([patch_of(nothing, everything)], ["a"], [RED], (1.0, 1.0, 1.0))
    assert pixels(png).shape == (360, 300, 3)
