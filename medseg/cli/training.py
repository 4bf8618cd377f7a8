"""Commands that plan and train."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg.cli.console import shown_progress
from medseg.cli.scans import Flat, Json
from medseg.cli.tables import aligned
from medseg.core.plan import Architecture
from medseg.core.settings import Device, Preset, TrainingSettings

DEFAULT_TRAINING = TrainingSettings()


def plan(  # noqa: PLR0913 - the options of the command
    dataset: Path,
    /,
    *,
    preset: Preset = Preset.TINY,
    architecture: Architecture | None = None,
    memory_gib: float | None = None,
    device: Device = DEFAULT_TRAINING.device,
    allow_empty: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> None:
    """Show the plan of a network for a dataset, with the reason for each choice.

    Example: medseg plan Task09_Spleen --preset standard

    Args:
        dataset: Folder in Medical Segmentation Decathlon or nnU-Net raw layout.
        preset: Size of the network and its patches.
        architecture: Kind of network. Default: the preset's.
        memory_gib: Memory of a training step on the device, in GiB. Default: the
            preset's.
        device: Where training is to run: auto, cpu or cuda:N. The same memory holds
            smaller patches on a CPU.
        allow_empty: Also take cases without any structure.
        as_json: Print JSON instead of a table.
    """
    with shown_progress() as progress:
        made = medseg.plan_dataset(
            medseg.read_dataset(dataset),
            preset,
            progress,
            architecture=architecture,
            memory_gib=memory_gib,
            device=device,
            allow_empty=allow_empty,
        )
    if as_json:
        print(json.dumps(asdict(made), indent=1))
        return
    from_dataset = dict.fromkeys(("channels", "structures"), "as in dataset.json")
    reasons = from_dataset | dict(made.reasons)
    facts = {
        "architecture": made.architecture,
        "channels": ", ".join(made.channels),
        "structures": ", ".join(made.labels.names),
        "spacing_mm": made.spacing_mm,
        "patch_shape": made.patch_shape,
        "batch_size": made.batch_size,
        "widths": made.widths,
        "blocks": made.blocks,
        "strides": made.strides,
        "kernels": made.kernels,
        "normalisation": ", ".join(how.kind for how in made.normalisation),
        "mirror_axes": made.mirror_axes,
    }
    if made.head is not None:
        facts["told apart"] = ", ".join(made.head.things)
        reasons["told apart"] = "as in dataset.json"
    rows = [(name, str(value), reasons.pop(name, "")) for name, value in facts.items()]
    rows += [(name, "", reason) for name, reason in reasons.items()]
    print(aligned(("choice", "value", "reason"), rows))


def train(
    dataset: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    settings: Annotated[TrainingSettings, Flat] = DEFAULT_TRAINING,
    start: Annotated[str | None, Parameter(name="--from")] = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train a network, or one for each fold, and write a model folder.

    Example: medseg train Task09_Spleen -o spleen --steps 2400

    Example: medseg train Task09_Spleen -o spleen --fold all --resume

    Example: torchrun --nproc-per-node 2 -m medseg train Task09_Spleen -o spleen

    Args:
        dataset: Folder in Medical Segmentation Decathlon or nnU-Net raw layout.
        out: Model folder to write; its name becomes the model's.
        settings: How to train.
        start: Name or folder of a model whose weights the training starts from.
        resume: Continue a stopped training.
    """
    with (
        medseg.assembled_team() as team,
        shown_progress(is_quiet=not team.is_first) as progress,
    ):
        model = medseg.train(
            medseg.read_dataset(dataset),
            out,
            settings,
            start=start,
            resume=resume,
            on_progress=progress,
        )
    if team.is_first:
        for result in model.info.results:
            print(result)
        print(f"model written to {out}")
