"""Tolerances by figure, by structure and by preset; wrong values are refused."""

import pytest

from medseg import ErrorCode, EvaluationSettings, WrongUse
from medseg.core.lesions import Connectivity
from medseg.core.tolerance import TOLERANCE_PRESETS


def test_without_a_tolerance_there_is_none():
    tolerance = EvaluationSettings().tolerance
    assert tolerance.mm is None
    assert str(tolerance) == "none"


def test_one_tolerance_for_all_structures():
    assert EvaluationSettings(tolerance_mm=2.5).tolerance.mm == 2.5


def test_a_tolerance_for_each_structure():
    settings = EvaluationSettings(tolerances=("left kidney=2", "T=a = 0.5"))
    assert settings.tolerance.mm == {"left kidney": 2.0, "T=a": 0.5}
    assert not settings.tolerance.caution


@pytest.mark.parametrize("preset", TOLERANCE_PRESETS, ids=lambda preset: preset.name)
def test_a_preset_brings_its_source_and_says_when_that_is_not_confirmed(preset):
    settings = EvaluationSettings(tolerances=(preset.name,))
    assert settings.tolerance.mm == preset.tolerance_mm
    assert preset.source in dict(settings.listed)["tolerance_source"]
    assert bool(settings.tolerance.caution) is not preset.is_confirmed


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tolerances": ("livr",)}, "totalsegmentator"),
        ({"tolerances": ("totalsegmentator", "liver=2")}, "STRUCTURE=MM"),
        ({"tolerances": ("liver=two",)}, "liver=two"),
        ({"tolerances": ("liver=0",)}, "above 0"),
        ({"tolerances": ("=2",)}, "STRUCTURE=MM"),
        ({"tolerances": ("liver=nan",)}, "above 0"),
        ({"tolerances": ("liver=2", "liver=3")}, "two tolerances"),
        ({"tolerance_mm": -1.0}, "above 0"),
        ({"tolerance_mm": float("nan")}, "above 0"),
        ({"tolerance_mm": 1.0, "tolerances": ("liver=2",)}, "twice"),
        ({"minimum_mm3": -1.0}, "0 mm3 or more"),
        ({"workers": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(WrongUse, match=message) as refusal:
        EvaluationSettings(**settings)
    assert refusal.value.code is ErrorCode.INVALID_OPTION


def test_lesions_are_told_apart_as_asked():
    rules = EvaluationSettings(connectivity=6, minimum_mm3=20.0).lesion_rules
    assert rules.connectivity is Connectivity.FACES
    assert rules.minimum_mm3 == 20
