"""Commands on trained models: list, show, import, export."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

import medseg
from medseg.cli.scans import Json
from medseg.cli.tables import aligned
from medseg.core.axes_in_words import axes_in_words
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.model_info import ModelInfo
from medseg.core.plan import PatientAxes
from medseg.models.foreign.nnunet_files import NnunetCheckpoint, NnunetConfiguration

Out = Annotated[Path, Parameter(name=["--out", "-o"])]

app = App(name="models", help="List, describe, import and export trained models.")


@app.command(name="list")
def list_(*, as_json: Json = False) -> None:
    """List the models shipped with MedSeg.

    Example: medseg models list

    Args:
        as_json: Print JSON instead of a table.
    """
    models = medseg.list_models()
    if as_json:
        print(json.dumps([_facts(model) for model in models], indent=1))
        return
    rows = [
        (
            model.name,
            ", ".join(model.plan.channels),
            ", ".join(model.plan.labels.names),
            model.licence,
        )
        for model in models
    ]
    print(aligned(("model", "channels", "structures", "licence"), rows))


@app.command
def show(
    model: Annotated[str, Parameter(help="Name of a shipped model or a model folder.")],
    /,
    *,
    as_json: Json = False,
) -> None:
    """Show a model's channels, structures, training data and scores.

    Example: medseg models show hippocampus

    Args:
        model: Name of a shipped model or a model folder.
        as_json: Print JSON instead of text.
    """
    info = medseg.read_model_info(medseg.model_folder(model))
    if as_json:
        print(json.dumps(asdict(info), indent=1))
        return
    print("\n".join(f"{name:<14}{value}" for name, value in _facts(info).items()))
    for subject, reason in info.plan.reasons:
        print(f"{'reason':<14}{subject}: {reason}")
    for result in info.results:
        print(f"{'score':<14}{result}")


@app.command(name="import")
def import_(  # noqa: PLR0913 - what the files do not say
    path: Path,
    /,
    *,
    out: Out,
    name: str = "",
    licence: str = "LicenseRef-Unknown",
    configuration: NnunetConfiguration | None = None,
    checkpoint: NnunetCheckpoint = NnunetCheckpoint.FINAL,
    fold: Annotated[tuple[int, ...], Parameter(negative=())] = (),
    trained_as: str | None = None,
) -> None:
    """Turn a model of nnU-Net v2 or a MONAI bundle into a model folder.

    No code of the model is run. The import refuses and names any part that has no equal
    in MedSeg.

    Example: medseg models import nnUNet_results/Dataset004_Hippocampus -o hippo

    Args:
        path: nnU-Net's results folder, a bundle's folder, or a zip of either.
        out: Model folder to write.
        name: Name of the model. Default: that of the dataset or bundle.
        licence: Licence of the weights, as SPDX expression; the files do not say it.
        configuration: nnU-Net: configuration, if the dataset has several.
        checkpoint: nnU-Net: the last weights, or the best ones.
        fold: nnU-Net: number of a fold; give it again for more. Default: all.
        trained_as: nnU-Net: voxel axes of the training scans, such as RAS or LPS, if a
            tool around nnU-Net reoriented them.
    """
    options = medseg.NnunetOptions(
        configuration=configuration,
        checkpoint=checkpoint,
        folds=fold,
        name=name,
        licence=licence,
        trained_as=None if trained_as is None else _axes(trained_as),
    )
    info = medseg.import_model(path, out, options)
    print(f"{info.name} -> {out}: medseg segment SCAN -m {out} -o labels.nii.gz")
    for subject, reason in info.plan.reasons:
        print(f"{subject}: {reason}")


@app.command
def export(
    model: Annotated[str, Parameter(help="Name of a shipped model or a model folder.")],
    /,
    *,
    out: Out,
    fold: int | None = None,
) -> None:
    """Write a model as a MONAI bundle.

    Example: medseg models export hippocampus -o hippocampus_bundle

    Args:
        model: Name of a shipped model or a model folder.
        out: Folder of the bundle to write.
        fold: Number of the network, from 0, of a model that has several.
    """
    options = medseg.ExportOptions(fold=fold)
    medseg.export_bundle(medseg.load_model(model), out, options)
    print(f"{model} -> {out}")


def _axes(codes: str) -> PatientAxes:
    try:
        return PatientAxes(codes=codes.upper())
    except ValueError as error:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            str(error),
            where="--trained-as",
            remedy="Give three letters, as RAS.",
        ) from None


def _facts(info: ModelInfo) -> dict[str, str]:
    """What is known, by name."""
    plan, training = info.plan, info.training
    cases = len(training.cases)
    facts = {
        "name": info.name,
        "summary": info.summary,
        "channels": ", ".join(plan.channels),
        "structures": ", ".join(plan.labels.names),
        "spacing_mm": " x ".join(f"{edge:g}" for edge in plan.spacing_mm),
        "axes": axes_in_words(plan.axes),
        "licence": info.licence,
        "trained on": f"{cases} cases of {training.dataset}"
        if cases
        else training.dataset,
        "source": training.source,
        "steps": str(training.steps or ""),
        "scored on": info.results_note,
    }
    return {name: value for name, value in facts.items() if value}
