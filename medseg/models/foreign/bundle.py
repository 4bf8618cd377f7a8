"""MONAI bundles -> ordinary model folders."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.model_info import ModelInfo, TrainingRecord, WeightFile
from medseg.core.plan import Plan
from medseg.io.safe_writing import require_absent_folder, written_whole_folder
from medseg.models.card import LICENCE_FILE
from medseg.models.folder import network_with, save_model, weights_bytes
from medseg.models.foreign.archives import unpacked
from medseg.models.foreign.bundle_checkpoint import read_weights
from medseg.models.foreign.bundle_config import Config, read_config
from medseg.models.foreign.bundle_plan import BundlePlan, read_plan
from medseg.models.foreign.bundle_weights import parameters_of
from medseg.models.foreign.checkpoints import Checkpoint, damaged_checkpoint
from medseg.models.foreign.texts import one_line

METADATA_FILE = "configs/metadata.json"
_KINDS = ("json", "yaml", "yml")
_INFERENCE_FILES = tuple(f"configs/inference.{kind}" for kind in _KINDS)
LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md")
_WANTED = {METADATA_FILE, *_INFERENCE_FILES, *LICENCE_FILES}
_WEIGHTS = {".pt", ".pth"}
_UNKNOWN_LICENCE = "LicenseRef-Unknown"
_SPDX = re.compile(r"[A-Za-z0-9.+() -]{1,100}")
_LONGEST_LICENCE_BYTES, _LONGEST_TEXT = 2**20, 1000


@dataclass(frozen=True, kw_only=True)
class BundleOptions:
    """What a bundle's files do not say.

    Attributes:
        name: Of the model; that of the bundle when empty.
        licence: Of the weights, as SPDX expression; "license" of the bundle's metadata,
            which MedSeg's own exports have, when unknown.
    """

    name: str = ""
    licence: str = _UNKNOWN_LICENCE


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
        content = _weights(*read_weights(folder, inference), described.plan)
        licence = _licence_of(folder)
        info = _info(described, metadata, content, options)
        with written_whole_folder(out_folder) as temporary:
            save_model(info, [content], temporary)
            if licence:
                (temporary / LICENCE_FILE).write_bytes(licence)
    return info


def is_bundle(path: Path) -> bool:
    """Whether a folder looks like a MONAI bundle."""
    return any((path / name).is_file() for name in (METADATA_FILE, *_INFERENCE_FILES))


def is_bundle_file(path: PurePosixPath) -> bool:
    """Whether a path within a zip is of a file that an import needs."""
    below = [str(path)]
    if len(path.parts) > 1:
        below.append(str(PurePosixPath(*path.parts[1:])))
    is_weights = path.suffix in _WEIGHTS and "models" in path.parts[:-1]
    return is_weights or bool(_WANTED & {*below})


@contextmanager
def _as_folder(path: Path) -> Iterator[Path]:
    """The folder itself, or a temporary one with what is needed of the zip."""
    if not path.is_file():
        yield path
        return
    with unpacked(path, is_bundle_file) as folder:
        tops = [folder, *folder.iterdir()]
        yield next((top for top in tops if is_bundle(top)), tops[0])


def _weights(file: Path, checkpoint: Checkpoint, plan: Plan) -> bytes:
    if plan.monai_network is None:
        raise ValueError("the plan names no network of MONAI's")
    try:
        parameters = parameters_of(plan.monai_network, checkpoint.tensors)
        network = network_with(plan, parameters)
    except ValueError as error:
        if isinstance(error, UnusableInput):
            raise
        raise damaged_checkpoint(file, one_line(error)) from None
    return weights_bytes(network)


def _licence_of(folder: Path) -> bytes:
    """The bundle's own text of its licence; empty without one."""
    files = (folder / name for name in LICENCE_FILES)
    file = next((each for each in files if each.is_file()), None)
    if file is None:
        return b""
    try:
        with file.open("rb") as stream:
            return stream.read(_LONGEST_LICENCE_BYTES)
    except OSError as error:
        raise UnusableInput(
            ErrorCode.NOT_READABLE,
            f"the bundle's licence cannot be read: {error.strerror or error}",
            where=file,
            remedy="Check its permissions and the disk.",
        ) from None


def _spdx(metadata: Config, options: BundleOptions) -> str:
    """What was said of the licence at the import, or else by the bundle."""
    said = metadata.root.get("license")
    is_said = isinstance(said, str) and _SPDX.fullmatch(said)
    if options.licence == _UNKNOWN_LICENCE and is_said:
        return str(said)
    return options.licence


def _info(
    described: BundlePlan, metadata: Config, content: bytes, options: BundleOptions
) -> ModelInfo:
    texts = {
        key: one_line(metadata.root.get(key, ""), _LONGEST_TEXT)
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
        (package, one_line(metadata.root[f"{package}_version"]))
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
        licence=_spdx(metadata, options),
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
