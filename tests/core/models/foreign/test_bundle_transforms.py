"""Transforms of a bundle mean what MONAI means, or are refused by name."""

import pytest

from medseg import UnusableInput
from tests.core.models.foreign.bundles import (
    ARGMAX,
    CT_RANGE,
    INVERT,
    QUIETLY,
    RAS,
    SOFTMAX,
    Recipe,
    planned,
)

pytestmark = [pytest.mark.filterwarnings(line) for line in QUIETLY]
CAST = {"_target_": "CastToTyped", "keys": "image"}
LARGEST = {"_target_": "KeepLargestConnectedComponentd", "keys": "pred"}
NUMBERS = {"_target_": "MapLabelValued", "keys": "pred"}
NUMBERED = {**NUMBERS, "orig_labels": [1, 2], "target_labels": [2, 3]}
CROP = {"_target_": "CropForegroundd", "keys": "image"}
WINDOWS = Recipe().config()["inferer"]


@pytest.mark.parametrize(
    ("part", "first", "named"),
    [
        (
            "pre",
            {"_target_": "LoadImaged", "keys": "image", "dtype": "$np.int16"},
            "dt",
        ),
        (
            "pre",
            {"_target_": "LoadImaged", "keys": "image", "as_closest_canonical": True},
            "as_closest_canonical",
        ),
        ("pre", {**CAST, "dtype": "$torch.uint8"}, "uint8"),
        ("pre", {**CT_RANGE, "keys": "label"}, "keys = 'label'"),
        ("pre", {**CT_RANGE, "_mode_": "callable"}, "_mode_"),
        ("pre", {**CROP, "source_key": "label"}, "source_key = 'label'"),
        ("pre", {**CT_RANGE, "lazy": True}, "lazy"),
        ("pre", {**CT_RANGE, "a_max": 10**400}, "a_max"),
        ("post", {**SOFTMAX, "keys": "label"}, "keys = 'label'"),
        ("post", {**INVERT, "post_func": "$lambda x: 1 - x"}, "post_func"),
        ("post", {**INVERT, "transform": "@other"}, "@preprocessing"),
        ("post", {**INVERT, "orig_keys": "label"}, "orig_keys"),
        ("post", {**CAST, "keys": "pred", "dtype": "$torch.uint8"}, "uint8"),
    ],
)
def test_a_transform_that_means_something_else_is_refused(part, first, named):
    if part == "pre":
        recipe = Recipe(transforms=(RAS, first))
    else:
        recipe = Recipe(post=(first, SOFTMAX, INVERT, ARGMAX))
    with pytest.raises(UnusableInput, match="UNSUPPORTED_MODEL") as caught:
        planned(recipe)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        {"cval": -5.0},
        {"sigma_scale": 0.5},
        {"with_coord": True},
        {"overlap": 1.5},
        {"_disabled_": True},
    ],
)
def test_windows_of_another_kind_are_refused(more):
    named = "disabled" if "_disabled_" in more else min(more)
    with pytest.raises(UnusableInput, match=named):
        planned(Recipe(more={"inferer": {**WINDOWS, **more}}))


def test_it_is_said_where_small_scans_are_filled_otherwise():
    windows = {**WINDOWS, "padding_mode": "replicate"}
    reasons = planned(Recipe(more={"inferer": windows})).plan.reasons
    assert ("windows", "scans smaller than one are filled with 0, not replicate") in (
        reasons
    )


@pytest.mark.parametrize(
    ("text", "steps"), [("false", 1), ("no", 1), (" TRUE ", 0), (False, 1), (True, 0)]
)
def test_a_transform_is_disabled_as_monai_reads_it(text, steps):
    recipe = Recipe(transforms=(RAS, {**CT_RANGE, "_disabled_": text}))
    assert len(planned(recipe).plan.monai_steps) == steps


@pytest.mark.parametrize(
    ("last", "kept"),
    [
        (({**LARGEST, "applied_labels": [2]}, NUMBERED), ("spleen",)),
        ((NUMBERED, {**LARGEST, "applied_labels": [2]}), ("liver",)),
        (({**LARGEST, "applied_labels": 1},), ("liver",)),
        ((LARGEST, NUMBERED), ("liver", "spleen")),
    ],
)
def test_the_largest_piece_is_kept_of_the_labels_as_they_are_numbered_then(last, kept):
    found = planned(Recipe(post=(SOFTMAX, INVERT, ARGMAX, *last)))
    assert found.largest_piece_only == kept


@pytest.mark.parametrize(
    "last",
    [
        ({**LARGEST, "applied_labels": [[1]]},),
        ({**LARGEST, "is_onehot": True},),
        (LARGEST, LARGEST),
        (NUMBERED, NUMBERED),
        ({**NUMBERED, "orig_labels": [1, [2]]},),
    ],
)
def test_labels_that_are_none_are_refused(last):
    with pytest.raises(UnusableInput, match="UNSUPPORTED_MODEL"):
        planned(Recipe(post=(SOFTMAX, INVERT, ARGMAX, *last)))
