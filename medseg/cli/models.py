"""Commands on trained models: list, show."""

import json
from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter

import medseg
from medseg.cli.scans import Json
from medseg.cli.tables import aligned
from medseg.core.model_info import ModelInfo

app = App(name="models", help="List and describe trained models.")


@app.command(name="list")
def list_(*, as_json: Json = False) -> None:
    """Name the models shipped with MedSeg.

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
    """Say what a model takes and gives, what it was trained on and how it scored.

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
    for result in info.results:
        print(f"{'score':<14}{result}")


def _facts(info: ModelInfo) -> dict[str, str]:
    training = info.training
    return {
        "name": info.name,
        "summary": info.summary,
        "channels": ", ".join(info.plan.channels),
        "structures": ", ".join(info.plan.labels.names),
        "spacing_mm": " x ".join(f"{edge:g}" for edge in info.plan.spacing_mm),
        "licence": info.licence,
        "trained on": f"{len(training.cases)} cases of {training.dataset}",
        "source": training.source,
        "steps": str(training.steps),
        "scored on": info.results_note,
    }
