"""The page that lies in a model's folder."""

from dataclasses import replace

from medseg.core.model_info import StructureResult, WeightFile
from medseg.core.plan import StoredAxes
from medseg.models.card import model_card
from tests.core.making import TINY_PLAN, untrained_info

INFO = untrained_info(TINY_PLAN, WeightFile(path="weights/a", sha256="0" * 64))


def test_a_card_says_what_the_model_is_and_that_it_is_for_research():
    card = model_card(INFO)
    assert card.startswith(f"# {INFO.name}\n")
    assert "Not a medical device" in card
    assert all(name in card for name in TINY_PLAN.labels.names)
    assert INFO.licence in card
    assert "Not scored" in card


def test_a_card_leaves_out_settings_that_were_left_to_the_plan():
    made = replace(INFO.training, settings=(("steps", "7"), ("batch_size", "None")))
    card = model_card(replace(INFO, training=made))
    assert "Settings: steps 7\n" in card
    assert "batch_size" not in card


def test_a_card_gives_every_score_and_what_it_is_over():
    results = tuple(
        StructureResult(structure=name, mean_dice=dice, mean_iou=iou, cases=cases)
        for name, dice, iou, cases in (
            ("liver", 0.95, 0.9048, 12),
            ("liver tumour", None, None, 0),
        )
    )
    info = replace(
        INFO,
        results=results,
        results_note="held-out cases of fold 0 of 5",
        largest_piece_only=("liver",),
    )
    card = model_card(info)
    assert "Scored on held-out cases of fold 0 of 5." in card
    assert "| liver | 0.9500 | 0.9048 | 12 |" in card
    assert "| liver tumour | - | - | 0 |" in card
    assert "largest connected piece is kept of: liver." in card


def test_a_card_gives_nsd_with_its_tolerance_and_distances():
    found = StructureResult(
        structure="liver",
        mean_dice=0.95,
        mean_iou=0.9048,
        cases=12,
        mean_hd95_mm=3.456,
        mean_nsd=0.87654,
        tolerance_mm=1.0,
    )
    absent = StructureResult(
        structure="liver tumour", mean_dice=None, mean_iou=None, cases=0
    )
    card = model_card(replace(INFO, results=(found, absent), results_note="two cases"))
    header = "| structure | mean Dice | mean IoU | mean NSD at 1 mm | mean HD95, mm |"
    assert f"{header} cases |\n" in card
    assert "| liver | 0.9500 | 0.9048 | 0.8765 | 3.46 | 12 |" in card
    assert "| liver tumour | - | - | - | - | 0 |" in card
    assert "HD95 counts the diagonal" in card
    assert str(found) == (
        "liver: mean Dice 0.9500, mean IoU 0.9048, mean HD95 3.46 mm, "
        "mean NSD 0.8765 at 1 mm, n 12"
    )


def test_a_card_without_nsd_and_distances_has_no_columns_for_them():
    found = StructureResult(structure="liver", mean_dice=0.9, mean_iou=0.8, cases=3)
    card = model_card(replace(INFO, results=(found,), results_note="three cases"))
    assert "| structure | mean Dice | mean IoU | cases |\n|---|---|---|---|\n" in card
    assert "HD95" not in card


def test_a_card_says_where_the_axes_point_and_why_the_plan_is_so():
    card = model_card(replace(INFO, plan=replace(TINY_PLAN, reasons=(("axes", "so"),))))
    assert "mm along right, anterior, superior\n" in card
    assert "## Why it is so\n\n- axes: so\n" in card
    plan = replace(TINY_PLAN, axes=StoredAxes(order=(2, 1, 0)))
    card = model_card(replace(INFO, plan=plan))
    assert "along the axes k, j, i as they lie in the file\n" in card
    assert "Why it is so" not in card
