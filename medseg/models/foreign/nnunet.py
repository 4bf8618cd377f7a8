"""Models trained by nnU-Net v2 -> ordinary model folders."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from medseg.core.errors import UnusableInput
from medseg.core.model_info import ModelInfo, TrainingRecord, WeightFile
from medseg.core.plan import Plan
from medseg.io.safe_writing import require_absent_folder, written_whole_folder
from medseg.models.folder import (
    network_with,
    save_model,
    second_stage_plan,
    weights_bytes,
)
from medseg.models.foreign.archives import unpacked
from medseg.models.foreign.checkpoints import (
    Checkpoint,
    damaged_checkpoint,
    read_checkpoint,
)
from medseg.models.foreign.nnunet_files import (
    DATASET_FILE,
    PLANS_FILE,
    ResultsFolder,
    is_nnunet_file,
    read_json,
    results_folder,
)
from medseg.models.foreign.nnunet_network import mapped_weights, unsupported
from medseg.models.foreign.nnunet_options import NnunetOptions
from medseg.models.foreign.nnunet_plans import NnunetPlan, nnunet_plan
from medseg.models.foreign.texts import one_line
from medseg.networks import build_network
from medseg.networks.sketches import sketching

_FIRST_STAGE = "first_stage"
_TENSORS = "network_weights"


_DEFAULT = NnunetOptions()


def import_nnunet(
    path: Path, out_folder: Path, options: NnunetOptions = _DEFAULT
) -> ModelInfo:
    """Turn a model of nnU-Net v2 into a model folder.

    Args:
        path: A results folder `Trainer__Plans__configuration`, the folder of its
            dataset, the `nnUNet_results` round it, or a zip of one of these, as nnU-Net
            exports it.
        out_folder: The model folder to write; written whole or not at all.
        options: Which model, folds and checkpoint.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, naming what has no equal here;
            UNSAFE_CHECKPOINT, UNSAFE_ARCHIVE, DAMAGED_MODEL, NOT_FOUND; DISK_FULL or
            NOT_WRITABLE.
        WrongUse: INVALID_OPTION when the path holds several models; OUTPUT_EXISTS.
    """
    require_absent_folder(out_folder)
    with _as_folder(path) as folder:
        found = results_folder(folder, options.configuration)
        with written_whole_folder(out_folder) as temporary:
            return _import_into(temporary, found, options)


@contextmanager
def _as_folder(path: Path) -> Iterator[Path]:
    """The folder itself, or a temporary one with what is needed of the zip."""
    if path.is_file():
        with unpacked(path, is_nnunet_file) as folder:
            yield folder
    else:
        yield path


def _import_into(
    folder: Path,
    found: ResultsFolder,
    options: NnunetOptions,
    *,
    is_first_stage: bool = False,
) -> ModelInfo:
    files = found.checkpoints(options.checkpoint, options.folds)
    if "__" in found.path.name:  # refuse what is known before weights are read
        _require_stages(_described(found, None, options), first=is_first_stage)
    first = read_checkpoint(files[0], _TENSORS)
    described = _described(found, first, options)
    _require_stages(described, first=is_first_stage)
    plan = network_plan = described.plan
    if described.previous_stage:
        coarse = found.sibling(described.previous_stage)
        below = folder / _FIRST_STAGE
        info = _import_into(below, coarse, options, is_first_stage=True)
        network_plan = second_stage_plan(plan, info.plan)
    contents: list[bytes] = []
    weights: list[WeightFile] = []
    for file in files:
        checkpoint = first if file == files[0] else read_checkpoint(file, _TENSORS)
        content = _converted(checkpoint, network_plan, file)
        name = f"weights/{file.parent.name}.safetensors"
        sha256 = hashlib.sha256(content).hexdigest()
        weights.append(WeightFile(path=name, sha256=sha256))
        contents.append(content)
    structures = plan.output_names if plan.regions else plan.labels.names
    model = ModelInfo(
        name=options.name or _short_name(described.dataset),
        summary=f"{', '.join(structures[:6])}: nnU-Net's {found.configuration} "
        f"of {described.dataset}, imported.",
        licence=options.licence,
        plan=plan,
        weights=tuple(weights),
        training=_record(described, first, files, found),
        first_stage=_FIRST_STAGE if described.previous_stage else "",
    )
    save_model(model, contents, folder)
    return model


def _require_stages(described: NnunetPlan, *, first: bool) -> None:
    if first and described.previous_stage:
        raise unsupported("a cascade of three stages", described.dataset)


def _described(
    found: ResultsFolder, checkpoint: Checkpoint | None, options: NnunetOptions
) -> NnunetPlan:
    """What the descriptions say, and the checkpoint where it is known better."""
    values = checkpoint.values if checkpoint is not None else {}
    arguments = values.get("init_args")
    configuration = (
        arguments.get("configuration") if isinstance(arguments, dict) else None
    )
    mirror_axes = values.get("inference_allowed_mirroring_axes") or ()
    if not isinstance(mirror_axes, Sequence) or not all(
        isinstance(axis, int) and 0 <= axis <= 2 for axis in mirror_axes
    ):
        what = f"mirroring along {one_line(mirror_axes)}"
        raise unsupported(what, found.path.name)
    return nnunet_plan(
        read_json(found.path / PLANS_FILE),
        read_json(found.path / DATASET_FILE),
        one_line(configuration or found.configuration),
        mirror_axes,
        options.trained_as,
    )


def _converted(checkpoint: Checkpoint, plan: Plan, file: Path) -> bytes:
    """Weights as a model folder keeps them."""
    try:
        with sketching():
            claimed = build_network(plan)
        wanted = dict(claimed.named_parameters())
        parameters = mapped_weights(checkpoint.tensors, plan, wanted, str(file))
        network = network_with(plan, parameters)
    except ValueError as error:
        if isinstance(error, UnusableInput):
            raise
        raise damaged_checkpoint(file, str(error)) from None
    if not all(torch.isfinite(each).all() for each in parameters.values()):
        raise damaged_checkpoint(file, "it holds NaN or infinite weights")
    return weights_bytes(network)


def _short_name(dataset: str) -> str:
    """Of "Dataset004_Hippocampus": "hippocampus"."""
    numbered, _, name = dataset.partition("_")
    return (name if numbered.startswith("Dataset") and name else dataset).lower()


def _record(
    described: NnunetPlan,
    checkpoint: Checkpoint,
    files: Sequence[Path],
    found: ResultsFolder,
) -> TrainingRecord:
    """What the files say of the training; not which scans it learned from."""
    values: dict[str, Any] = checkpoint.values
    settings = {
        "trained by": "nnU-Net v2",
        "trainer": values.get("trainer_name"),
        "configuration": found.configuration,
        "epochs": values.get("current_epoch"),
        "checkpoint": files[0].name,
    }
    return TrainingRecord(
        dataset=described.dataset,
        source="",
        cases=(),
        image_sha256=(),
        held_out=(),
        settings=tuple(
            (key, one_line(value)) for key, value in settings.items() if value
        ),
        steps=0,
        seconds=0.0,
        versions=(),
    )
