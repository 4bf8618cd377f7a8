"""MONAI bundles -> ordinary model folders."""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch

from medseg.core.errors import UnusableInput
from medseg.core.model_info import ModelInfo, TrainingRecord, WeightFile
from medseg.core.plan import Plan
from medseg.io.safe_writing import require_absent_folder, written_whole_folder
from medseg.models.folder import load_parameters, save_model, weights_bytes
from medseg.models.foreign.archives import unpack_zip
from medseg.models.foreign.bundle_config import Config, read_config
from medseg.models.foreign.bundle_plan import BundlePlan, read_plan
from medseg.models.foreign.bundle_weights import parameters_of
from medseg.models.foreign.checkpoints import (
    Checkpoint,
    damaged_checkpoint,
    read_checkpoint,
)
from medseg.networks import build_network

METADATA_FILE = "configs/metadata.json"
_KINDS = ("json", "yaml", "yml")
_INFERENCE_FILES = tuple(f"configs/inference.{kind}" for kind in _KINDS)
_WEIGHTS_FILE = "models/model.pt"
_WANTED = {METADATA_FILE, *_INFERENCE_FILES}
_DESCRIBED = ("name", "description", "task", "data_source", "version", "copyright")
_TABLES = ("model", "state_dict", "network", "net")
_ANYTHING_BEFORE = re.compile(r"\$@(?:bundle_root|ckpt_dir)(?:\s*\+\s*)(.*)")


@dataclass(frozen=True, kw_only=True)
class BundleOptions:
    """What a bundle's files do not say.

    Attributes:
        name: Of the model; that of the bundle when empty.
        licence: Of the weights, as SPDX expression.
    """

    name: str = ""
    licence: str = "LicenseRef-Unknown"


_DEFAULT = BundleOptions()


def import_bundle(
    path: Path, out_folder: Path, options: BundleOptions = _DEFAULT
) -> ModelInfo:
    """Turn a MONAI bundle into a model folder.

    Nothing of the bundle is run: its configuration is read as data, its weights are
    opened in a process of their own.

    Args:
        path: The bundle's folder, with `configs` and `models` in it, or a zip of it.
        out_folder: The model folder to write; written whole or not at all.
        options: Name and licence.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, with the key of what has no equal here;
            UNSAFE_CHECKPOINT, UNSAFE_ARCHIVE, DAMAGED_MODEL, NOT_FOUND; DISK_FULL or
            NOT_WRITABLE.
        WrongUse: OUTPUT_EXISTS.
    """
    require_absent_folder(out_folder)
    with _as_folder(path) as folder:
        files = [folder / name for name in _INFERENCE_FILES]
        inference = read_config(next((f for f in files if f.exists()), files[0]))
        metadata = read_config(folder / METADATA_FILE)
        described = read_plan(inference, metadata)
        file = _weights_file(folder, inference)
        content = _weights(file, described.plan)
        info = _info(described, metadata, content, options)
        with written_whole_folder(out_folder) as temporary:
            save_model(info, [content], temporary)
    return info


def is_bundle(path: Path) -> bool:
    """Whether a folder looks like a MONAI bundle."""
    return (path / METADATA_FILE).is_file()


def is_bundle_file(path: PurePosixPath) -> bool:
    """Whether a path within a zip is of a file that an import needs."""
    below = [str(path)]
    if len(path.parts) > 1:
        below.append(str(PurePosixPath(*path.parts[1:])))
    is_weights = path.suffix == ".pt" and path.parent.name == "models"
    return is_weights or bool(_WANTED & {*below})


@contextmanager
def _as_folder(path: Path) -> Iterator[Path]:
    """The folder itself, or a temporary one with what is needed of the zip."""
    if not path.is_file():
        yield path
        return
    with tempfile.TemporaryDirectory() as temporary:
        unpack_zip(path, Path(temporary), is_bundle_file)
        tops = [Path(temporary), *Path(temporary).iterdir()]
        yield next((top for top in tops if is_bundle(top)), tops[0])


def _weights_file(folder: Path, inference: Config) -> Path:
    """The checkpoint that the configuration loads; `models/model.pt` otherwise."""
    loaders = [inference.root.get("checkpointloader")]
    handlers = inference.root.get("handlers")
    loaders += handlers if isinstance(handlers, list) else []
    for loader in loaders:
        named = loader if isinstance(loader, dict) else {}
        is_loader = str(named.get("_target_")).endswith("CheckpointLoader")
        path = named.get("load_path") if is_loader else None
        match = _ANYTHING_BEFORE.fullmatch(path) if isinstance(path, str) else None
        if match is None:
            continue
        found = inference.plain(f"${match[1]}", "load_path")
        name = PurePosixPath(str(found)).name
        if name.endswith(".pt") and (folder / "models" / name).is_file():
            return folder / "models" / name
    return folder / _WEIGHTS_FILE


def _weights(file: Path, plan: Plan) -> bytes:
    if plan.monai_network is None:
        raise ValueError("the plan names no network of MONAI's")
    try:
        parameters = parameters_of(plan.monai_network, _state(file).tensors)
        with torch.random.fork_rng(devices=[]):  # its first weights are chance
            network = build_network(plan)
        load_parameters(network, parameters)
    except ValueError as error:
        if isinstance(error, UnusableInput):
            raise
        raise damaged_checkpoint(file, str(error)) from None
    return weights_bytes(network)


def _state(file: Path) -> Checkpoint:
    """The table of tensors, at the top of the checkpoint or one level below."""
    whole = read_checkpoint(file)
    if whole.tensors:
        return whole
    for part in _TABLES:
        if isinstance(whole.values.get(part), dict):
            return read_checkpoint(file, part)
    raise damaged_checkpoint(file, "it holds no weights")


def _info(
    described: BundlePlan, metadata: Config, content: bytes, options: BundleOptions
) -> ModelInfo:
    texts = {
        key: " ".join(str(metadata.root.get(key, "")).split())
        for key in (
            "name",
            "description",
            "task",
            "data_source",
            "version",
            "copyright",
        )
    }
    bundle = texts["name"] or texts["task"] or "bundle"
    versions = tuple(
        (package, str(metadata.root[f"{package}_version"]))
        for package in ("monai", "pytorch", "numpy")
        if f"{package}_version" in metadata.root
    )
    settings = (
        ("trained by", "MONAI"),
        *((key, texts[key]) for key in ("version", "copyright") if texts[key]),
    )
    return ModelInfo(
        name=options.name or re.sub(r"[^\w]+", "-", bundle.lower()).strip("-"),
        summary=texts["description"] or f"{bundle}, imported from a MONAI bundle.",
        licence=options.licence,
        plan=described.plan,
        weights=(
            WeightFile(
                path="weights/fold_0.safetensors",
                sha256=hashlib.sha256(content).hexdigest(),
            ),
        ),
        training=TrainingRecord(
            dataset=texts["data_source"] or "unknown",
            source="",
            cases=(),
            image_sha256=(),
            held_out=(),
            settings=settings,
            steps=0,
            seconds=0.0,
            versions=versions,
        ),
        largest_piece_only=described.largest_piece_only,
    )
