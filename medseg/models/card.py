"""A model's description as a page to read: its card (Mitchell et al., 2019)."""

from collections.abc import Sequence

from medseg.core.axes_in_words import axes_in_words
from medseg.core.model_info import ModelInfo, StructureResult
from medseg.core.plan import Plan

CARD_FILE = "MODEL_CARD.md"
LICENCE_FILE = "LICENSE"
_USE = (
    "For research on scans like those it was trained on. Not a medical device: not for "
    "diagnosis or treatment. Look at every result; on other scanners, protocols, ages "
    "or diseases than those it learned from it may be wrong, without any sign of it."
)

_MISSED = (
    "\n\nWhere a structure is missed, or found where there is none, HD95 counts the "
    "diagonal of the image."
)
_COMMAND = "medseg segment SCAN -m PATH_OF_THIS_FOLDER -o labels.nii.gz"


def licence_text(info: ModelInfo) -> str:
    """Under what licence the weights are, and whence it comes."""
    if info.was_imported:
        return (
            f"{info.licence}\n\nThis is what was said when the model was imported from "
            "another tool. What it was trained on, and under what licence that is, is "
            "not known.\n"
        )
    source = f" ({info.training.source})" if info.training.source else ""
    return (
        f"{info.licence}\n\nThe licence of these weights is that of the data they were "
        f"trained on: {info.training.dataset}{source}.\n"
    )


def model_card(info: ModelInfo) -> str:
    """What the model is for, what it learned from and how it did, in Markdown."""
    reasons = "\n".join(f"- {name}: {reason}" for name, reason in info.plan.reasons)
    sections = (
        f"# {info.name}\n\n{info.summary}",
        f"## Use\n\n{_USE}\n\n    {_COMMAND}",
        f"## What it takes and gives\n\n{_facts(info.plan)}",
        *([f"## Why it is so\n\n{reasons}"] if reasons else []),
        f"## What it was trained on\n\n{_training(info)}",
        f"## How it did\n\n{_results(info)}",
        f"## Licence\n\n{info.licence}",
    )
    return "\n\n".join(sections) + "\n"


def _facts(plan: Plan) -> str:
    spacing = " x ".join(f"{edge:g}" for edge in plan.spacing_mm)
    structures = [f"{each.id} {each.name}" for each in plan.labels]
    regions = [each.name for each in plan.regions]
    facts = {
        "Channels": ", ".join(plan.channels),
        "Labels": ", ".join(structures),
        "Regions": ", ".join(regions),
        "Voxels": f"{spacing} mm along {axes_in_words(plan.axes)}",
        "Network": _network(plan),
        "Patch": " x ".join(map(str, plan.patch_shape)),
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)


def _network(plan: Plan) -> str:
    if plan.monai_network is not None:
        return f"MONAI's {plan.monai_network.name}"
    return f"{plan.architecture}, widths {', '.join(map(str, plan.widths))}"


def _training(info: ModelInfo) -> str:
    made = info.training
    facts = {
        "Dataset": made.dataset,
        "Source": made.source,
        "Started from": made.started_from,
        "Cases": str(len(made.cases) or ""),
        "Networks": str(len(info.weights)),
        "Steps a network": str(made.steps or ""),
        "Settings": ", ".join(
            f"{name} {value}" for name, value in made.settings if value != "None"
        ),
        "Versions": ", ".join(f"{name} {version}" for name, version in made.versions),
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)


def _results(info: ModelInfo) -> str:
    if info.was_imported and not info.results:
        return "Not known: the model was imported from another tool."
    if not info.results:
        return "Not scored: no case was held out."
    table = _table(info.results)
    largest = info.largest_piece_only
    kept = (
        f"\n\nOnly the largest connected piece is kept of: {', '.join(largest)}."
        if largest
        else ""
    )
    return f"Scored on {info.results_note}.\n\n{table}{kept}"


def _table(results: Sequence[StructureResult]) -> str:
    """One line a structure; NSD and HD95 where they were measured."""
    columns = {
        "structure": [each.structure for each in results],
        "mean Dice": [_cell(each.mean_dice) for each in results],
        "mean IoU": [_cell(each.mean_iou) for each in results],
    }
    tolerances_mm = [each.tolerance_mm for each in results if each.tolerance_mm]
    if tolerances_mm:
        name = f"mean NSD at {tolerances_mm[0]:g} mm"
        columns[name] = [_cell(each.mean_nsd) for each in results]
    has_distances = any(each.mean_hd95_mm is not None for each in results)
    if has_distances:
        columns["mean HD95, mm"] = [
            _cell(each.mean_hd95_mm, digits=2) for each in results
        ]
    columns["cases"] = [str(each.cases) for each in results]
    head = f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|\n"
    rows = zip(*columns.values(), strict=True)
    table = head + "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return table + (_MISSED if has_distances else "")


def _cell(value: float | None, *, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
