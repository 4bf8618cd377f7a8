"""Model folders -> MONAI bundles, for `python -m monai.bundle run` and its kin."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.model_info import ModelInfo
from medseg.core.plan import MonaiNetwork, Plan
from medseg.core.versions import package_versions
from medseg.io.safe_writing import require_absent_folder, written_whole_folder
from medseg.models.card import LICENCE_FILE, licence_text, model_card
from medseg.models.folder import TrainedModel
from medseg.models.foreign.bundle_network import described_network
from medseg.models.foreign.bundle_transforms import (
    postprocessing_of,
    preprocessing_of,
    unsupported,
)
from medseg.models.foreign.bundle_weights import state_of
from medseg.models.foreign.texts import one_line
from medseg.networks.monai_networks import (
    ReorderedOutputs,
    bare_monai_network,
    network_arguments,
)

_CODE = ("$", "@", "%")
_RUN = """
## As a MONAI bundle

    pip install monai nibabel pytorch-ignite fire
    python -m monai.bundle run --config_file configs/inference.json --bundle_root . \\
        --dataset_dir FOLDER_OF_NIFTI_FILES --output_dir RESULTS

Windows overlap by half and are blended by a Gaussian. MONAI neither mirrors nor
smooths what it makes coarser, and lays its grid otherwise: where a scan is resampled
its labels differ a little from MedSeg's.
"""


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What to export.

    Attributes:
        fold: Which network of a model that has several; a bundle holds one.
    """

    fold: int | None = None


_DEFAULT = ExportOptions()


def export_bundle(
    model: TrainedModel, out_folder: Path, options: ExportOptions = _DEFAULT
) -> None:
    """Write a model as a MONAI bundle.

    Args:
        model: From `load_model`.
        out_folder: The bundle's folder; written whole or not at all.
        options: Which network.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, naming what MONAI has no equal of; DISK_FULL
            or NOT_WRITABLE.
        WrongUse: INVALID_OPTION when the model has several networks and none is chosen;
            OUTPUT_EXISTS.
    """
    require_absent_folder(out_folder)
    info = model.info
    if model.first_stage is not None:
        raise unsupported("a model of two stages", info.name)
    if info.plan.head is not None:
        raise unsupported("a head that tells lesions apart", info.name)
    network = _chosen(model, options)
    described = described_network(info.plan, network)
    if isinstance(network, ReorderedOutputs):
        network = network.network
    with torch.random.fork_rng(devices=[]):  # its first weights are chance, then lost
        state = state_of(network, bare_monai_network(described))
    labels = [info.plan.labels[name].id for name in info.largest_piece_only]
    config = _config(info.plan, described, labels)
    metadata = _metadata(info)
    for content in (metadata, network_arguments(described)):
        _require_data(content, info.name)
    with written_whole_folder(out_folder) as folder:
        for name in ("configs", "models", "docs"):
            (folder / name).mkdir()
        (folder / "models" / "model.pt").write_bytes(_saved(state))
        _write(folder / "configs" / "inference.json", _json(config))
        _write(folder / "configs" / "metadata.json", _json(metadata))
        _write(folder / "docs" / "README.md", model_card(info) + _RUN)
        _write(folder / LICENCE_FILE, model.licence_text or licence_text(info))


def _chosen(model: TrainedModel, options: ExportOptions) -> nn.Module:
    count = len(model.networks)
    if options.fold is None and count == 1:
        return model.networks[0]
    if options.fold is None or not 0 <= options.fold < count:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"a MONAI bundle holds one network and {model.info.name} has {count}",
            where="--fold",
            remedy=f"Choose one, 0 to {count - 1}.",
        )
    return model.networks[options.fold]


def _config(
    plan: Plan, described: MonaiNetwork, largest_ids: list[int]
) -> dict[str, Any]:
    """The content of `inference.json`, in the form of the bundles of MONAI's zoo."""
    arguments = network_arguments(described)
    return {
        "imports": ["$import glob", "$import os"],
        "bundle_root": ".",
        "output_dir": "$@bundle_root + '/eval'",
        "dataset_dir": "$@bundle_root + '/data'",
        "datalist": "$sorted(glob.glob(os.path.join(@dataset_dir, '*.nii*')))",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": {"_target_": described.name.value, **arguments},
        "network": "$@network_def.to(@device)",
        "preprocessing": {
            "_target_": "Compose",
            "transforms": preprocessing_of(plan),
        },
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': i} for i in @datalist]",
            "transform": "@preprocessing",
        },
        "dataloader": {
            "_target_": "DataLoader",
            "dataset": "@dataset",
            "batch_size": 1,
            "shuffle": False,
            "num_workers": 0,
        },
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": list(plan.patch_shape),
            "sw_batch_size": 1,
            "overlap": 0.5,
            "mode": "gaussian",
        },
        "postprocessing": {
            "_target_": "Compose",
            "transforms": postprocessing_of(plan, largest_ids),
        },
        "checkpointloader": {
            "_target_": "CheckpointLoader",
            "load_path": "$@bundle_root + '/models/model.pt'",
            "load_dict": {"model": "@network"},
        },
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
        },
        "initialize": ["$@checkpointloader(@evaluator)"],
        "run": ["$@evaluator.run()"],
    }


def _metadata(info: ModelInfo) -> dict[str, Any]:
    """The content of `metadata.json`."""
    plan = info.plan
    versions = dict(package_versions())
    order = plan.monai_network.output_order if plan.monai_network else ()
    places = order or range(len(plan.output_names))
    outputs = dict(zip(places, plan.output_names, strict=True))
    is_ct = plan.channels == ("CT",)
    patch = {
        "type": "image",
        "spatial_shape": list(plan.patch_shape),
        "dtype": "float32",
        "is_patch_data": True,
    }
    return {
        "version": "0.1.0",
        "changelog": {"0.1.0": "exported from MedSeg"},
        "monai_version": versions.get("monai", ""),
        "pytorch_version": versions.get("torch", ""),
        "numpy_version": versions.get("numpy", ""),
        "required_packages_version": {
            "nibabel": versions.get("nibabel", ""),
            "pytorch-ignite": "0.4.11",
        },
        "name": info.name,
        "task": info.summary,
        "description": info.summary,
        "authors": "",
        "copyright": dict(info.training.settings).get("copyright", info.licence),
        "license": info.licence,
        "data_source": info.training.source or info.training.dataset,
        "data_type": "nibabel",
        "intended_use": "Research use only: not a medical device.",
        "eval_metrics": {
            result.structure: result.mean_dice
            for result in info.results
            if result.mean_dice is not None
        },
        "network_data_format": {
            "inputs": {
                "image": {
                    **patch,
                    "format": "hounsfield" if is_ct else "magnitude",
                    "modality": plan.channels[0] if len(plan.channels) == 1 else "MR",
                    "num_channels": len(plan.channels),
                    "value_range": [],
                    "channel_def": _numbered(dict(enumerate(plan.channels))),
                }
            },
            "outputs": {
                "pred": {
                    **patch,
                    "format": "segmentation",
                    "num_channels": len(outputs),
                    "value_range": [0, 1],
                    "channel_def": _numbered(outputs),
                }
            },
        },
    }


def _require_data(content: object, where: str) -> None:
    """Refuse a text that MONAI takes for code, a reference, a file or a class."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key.startswith("_"):
                raise unsupported(f"the name {one_line(key)!r}", where)
            _require_data(key, where)
            _require_data(value, where)
    elif isinstance(content, list | tuple):
        for each in content:
            _require_data(each, where)
    elif isinstance(content, str) and content.lstrip().startswith(_CODE):
        raise unsupported(f"the text {one_line(content)!r}", where)


def _numbered(names: dict[int, str]) -> dict[str, str]:
    return {str(place): names[place] for place in sorted(names)}


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=4) + "\n"


def _saved(state: Mapping[str, torch.Tensor]) -> bytes:
    """A checkpoint; PyTorch's own writing of files hides why a disk refuses one."""
    content = BytesIO()
    torch.save(state, content)
    return content.getvalue()


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
