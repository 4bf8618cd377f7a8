"""Commands on scores that predict how good a model's results are."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App

import medseg
from medseg.cli.console import shown_progress
from medseg.cli.scans import DEFAULT_INFERENCE, Flat, Json
from medseg.core.settings import InferenceSettings

DEFAULT_QUALITY = medseg.QualitySettings()

app = App(name="quality", help="Fit scores that predict Dice without a reference.")


@app.command
def fit(
    model: str,
    dataset: Path,
    /,
    *,
    settings: Annotated[InferenceSettings, Flat] = DEFAULT_INFERENCE,
    quality: Annotated[medseg.QualitySettings, Flat] = DEFAULT_QUALITY,
    as_json: Json = False,
) -> None:
    """Fit scores to cases that a model had not learned from, and add them to it.

    A network that had not learned from a case segments it; its Dice is paired with the
    network's uncertainty. Writes quality.json to the model's folder, and the cases, the
    risk-coverage curve and a figure to its subfolder quality. The same command
    continues a stopped run.

    Example: medseg quality fit spleen/ Task09_Spleen

    Args:
        model: Name of a shipped model or a model folder.
        dataset: Folder in Medical Segmentation Decathlon or nnU-Net raw layout: that of
            the training with --fold all or a fold's number, or another.
        settings: How the network is run, as in later use.
        quality: How the scores are judged.
        as_json: Print JSON instead of a table.
    """
    with shown_progress() as progress:
        fitted = medseg.fit_model_quality(
            model, medseg.read_dataset(dataset), settings, quality, progress
        )
    for note in fitted.notes:
        print(f"note: {note}", file=sys.stderr)
    if as_json:
        print(json.dumps(asdict(fitted.quality), indent=1))
        return
    print(fitted.quality.table())
    print(f"written to {fitted.folder.parent}")
