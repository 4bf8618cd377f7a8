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

app = App(name="quality", help="Scores that predict Dice where there is no reference.")


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
    """Fit scores to cases that a model had not learned from, and put them into it.

    Each case is segmented by a network that it is new to, its Dice set beside how
    unsure the network was. Writes quality.json into the model's folder; into its folder
    quality the cases, the risk-coverage curve and a figure. A run that was stopped goes
    on where it was.

    Example: medseg quality fit spleen/ Task09_Spleen

    Args:
        model: Name of a shipped model or a model folder.
        dataset: Folder in Medical Segmentation Decathlon or nnU-Net raw layout; the one
            the model was trained on with --fold all or a fold's number, or another.
        settings: How the network is run, as it is going to be run.
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
