r"""Put a trained model into the zoo, with its card, logs and tables.

Example:
    python docs/ship_model.py all/hippocampus --scored fold0/hippocampus \
        --about docs/models/hippocampus.json

The model folder given is shipped. Its scores are those of `--scored`, a model of the
same plan that held cases out; without it the model's own.
"""

import argparse
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import medseg
from medseg.core.model_info import ModelInfo
from medseg.models import QUALITY_FILE
from medseg.models.description import read_model_info, write_model_info

ZOO = Path(medseg.__file__).parent / "models" / "zoo"

CARD = """# {name}

{about.summary}.

**Research use only. Not a medical device.** {about.limits}

| | |
|---|---|
| Takes | {channels}, resampled to {spacing} mm |
| Gives | {structures} |
| Network | 3D U-Net, {widths} channels, window {patch} voxels |
| Weights | {licence}; see LICENSE |
| Data | {about.data} |
| Licence of the data | {about.data_licence} |

## Scores on cases it was not trained on

{scored_on}

| structure | mean Dice | mean IoU | mean NSD{tolerance} | mean HD95, mm | cases |
|---|---|---|---|---|---|
{results}

Every case: [validation.csv](validation.csv) (written by the training command below).

## Training

The shipped weights were trained on {cases} cases for {steps} steps, in {minutes}
minutes on two cores of a busy CPU, {precision}:

```
{about.command}
```

{about.scored_command}

Logs: {logs}. {about.choice}

Versions: {versions}.
"""


@dataclass(frozen=True, kw_only=True)
class About:
    """What only a person can say of a model; read from a JSON file."""

    summary: str
    limits: str
    licence: str
    licence_text: str
    data: str
    data_licence: str
    command: str
    scored_command: str
    choice: str


def ship(model: Path, scored: Path, about: About) -> Path:
    """Copy a model folder into the zoo and write its card."""
    info, judged = read_model_info(model), read_model_info(scored)
    if info.plan != judged.plan:
        raise SystemExit("the scored model has another plan than the shipped one")
    note = f"{judged.results_note}, of a model trained on the others by the same recipe"
    shipped = replace(
        info,
        summary=about.summary,
        licence=about.licence,
        results=judged.results,
        results_note=judged.results_note if scored == model else note,
    )
    folder = ZOO / info.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model / "weights", folder / "weights")
    quality = model / QUALITY_FILE
    if quality.exists():  # of these very weights, or the model cannot be loaded
        shutil.copy(quality, folder)
    logs = []
    for source in dict.fromkeys((scored, model)):
        run = next(source.glob("training/*/log.csv")).parent
        shutil.copy(run / "log.csv", folder / f"training_log_{run.name}.csv")
        logs.append(f"[{run.name}](training_log_{run.name}.csv)")
    shutil.copy(next(scored.glob("training/*/validation.csv")), folder)
    write_model_info(shipped, folder)
    (folder / "LICENSE").write_text(about.licence_text + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(card(shipped, about, logs), encoding="utf-8")
    return folder


def card(info: ModelInfo, about: About, logs: list[str]) -> str:
    """The model card as Markdown."""
    plan, training = info.plan, info.training
    return CARD.format(
        name=info.name,
        about=about,
        channels=", ".join(plan.channels),
        spacing=" x ".join(f"{edge:g}" for edge in plan.spacing_mm),
        structures=", ".join(plan.labels.names),
        widths="-".join(str(width) for width in plan.widths),
        patch=" x ".join(str(edge) for edge in plan.patch_shape),
        licence=info.licence,
        scored_on=info.results_note[:1].upper() + info.results_note[1:] + ".",
        tolerance="".join(
            f" at {mm:g} mm" for mm in {r.tolerance_mm for r in info.results} if mm
        ),
        results="\n".join(
            f"| {r.structure} | {_number(r.mean_dice)} | {_number(r.mean_iou)} "
            f"| {_number(r.mean_nsd)} | {_number(r.mean_hd95_mm)} | {r.cases} |"
            for r in info.results
        ),
        cases=len(training.cases),
        steps=training.steps,
        precision=dict(training.settings)["precision"],
        minutes=round(training.seconds / 60),
        logs=", ".join(logs),
        versions=", ".join(f"{name} {version}" for name, version in training.versions),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def main() -> None:
    """Read the arguments and ship."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--scored", type=Path)
    parser.add_argument("--about", type=Path, required=True)
    words = parser.parse_args()
    about = About(**json.loads(words.about.read_text(encoding="utf-8")))
    print(ship(words.model, words.scored or words.model, about))


if __name__ == "__main__":
    main()
