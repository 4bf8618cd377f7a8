"""A trained model: its description and its networks."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from medseg.core.model_info import ModelInfo
from medseg.core.model_quality import ModelQuality
from medseg.core.plan import IntensityStatistics, Normalisation, NormalisationKind, Plan
from medseg.io.safe_writing import writing_errors, written_whole
from medseg.models.card import CARD_FILE, LICENCE_FILE, licence_text, model_card
from medseg.models.description import (
    MODEL_FILE,
    damaged,
    read_model_info,
    write_model_info,
)
from medseg.models.quality import QUALITY_FILE, read_quality
from medseg.models.zoo import model_folder
from medseg.networks import build_network
from medseg.networks.sketches import sketching


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedModel:
    """Networks ready to run, one a fold, with their description.

    Attributes:
        info: The content of `model.json`.
        networks: In the order of `info.weights`; their mean is the model's answer.
        first_stage: The coarser model whose label map they take, one channel a
            structure after the scan's own; None when they need none.
        quality: What predicts the Dice of its results; None where none was fitted.
        licence_text: What lies in its folder as licence; empty where nothing does.
    """

    info: ModelInfo
    networks: tuple[nn.Module, ...]
    first_stage: "TrainedModel | None" = None
    quality: ModelQuality | None = None
    licence_text: str = ""

    @property
    def sha256(self) -> str:
        """Hash over the hashes of the weights: names this very model."""
        if self.first_stage is None:
            return self.info.sha256
        hashes = [weight.sha256 for weight in self.info.weights]
        hashes.append(self.first_stage.sha256)
        return hashlib.sha256("".join(hashes).encode()).hexdigest()


def load_model(name_or_folder: str | Path) -> TrainedModel:
    """Open a shipped model by name, or a model folder by path.

    Every weight file is checked against the hash in `model.json`.

    Raises:
        WrongUse: UNKNOWN_MODEL when there is no such name or folder.
        UnusableInput: DAMAGED_MODEL when a file is missing, changed or does not fit,
            quality scores included.
    """
    model = load_networks(name_or_folder)
    quality = read_quality(model_folder(name_or_folder), model.sha256)
    return replace(model, quality=quality)


def load_networks(name_or_folder: str | Path) -> TrainedModel:
    """As `load_model`, without looking at quality scores."""
    folder = model_folder(name_or_folder)
    info = read_model_info(folder)
    if not info.weights:
        raise damaged(folder, "it names no weights")
    first_stage = _first_stage(info, folder)
    plan = info.plan
    if first_stage is not None:
        plan = second_stage_plan(plan, first_stage.info.plan)
    networks = tuple(
        _network(plan, folder, weight.path, weight.sha256) for weight in info.weights
    )
    return TrainedModel(
        info=info,
        networks=networks,
        first_stage=first_stage,
        licence_text=_licence_in(folder),
    )


def second_stage_plan(plan: Plan, first_stage: Plan) -> Plan:
    """A plan whose networks take a channel for each structure of a coarser model.

    `ModelInfo.plan` names the channels of the scan alone; this one is for
    `build_network`.
    """
    names = first_stage.labels.names
    nothing = IntensityStatistics(
        mean=0.0, sd=1.0, percentile_00_5=0.0, percentile_99_5=1.0
    )
    as_is = Normalisation(kind=NormalisationKind.NONE, statistics=nothing)
    return replace(
        plan,
        channels=(*plan.channels, *(f"first stage: {name}" for name in names)),
        normalisation=(*plan.normalisation, *(as_is for _ in names)),
    )


def save_model(info: ModelInfo, networks: Sequence[bytes], folder: Path) -> None:
    """Write weights (from `weights_bytes`), description, card and licence.

    Quality scores of other weights that are there are removed.
    """
    if folder.is_dir() and not _has_weights(info, folder):
        with writing_errors(folder / QUALITY_FILE):
            (folder / QUALITY_FILE).unlink(missing_ok=True)
    for weight, content in zip(info.weights, networks, strict=True):
        with written_whole(folder / weight.path, overwrite=True) as temporary:
            temporary.write_bytes(content)
    write_model_info(info, folder)
    for name, text in (
        (CARD_FILE, model_card(info)),
        (LICENCE_FILE, licence_text(info)),
    ):
        with written_whole(folder / name, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _has_weights(info: ModelInfo, folder: Path) -> bool:
    """Whether the model there already is one of just these weights."""
    if not (folder / MODEL_FILE).exists():
        return False
    there = read_model_info(folder).weights
    return [each.sha256 for each in there] == [each.sha256 for each in info.weights]


def weights_bytes(network: nn.Module) -> bytes:
    """Parameters as a safetensors file, each once, contiguous, float32, on the CPU."""
    return save(
        {
            name: parameter.detach().float().cpu().contiguous().clone()
            for name, parameter in network.named_parameters()
        }
    )


def network_with(plan: Plan, tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    """The plan's network with these parameters.

    They are compared with what the plan claims before any memory is taken for it.

    Raises:
        ValueError: When names or shapes are not those of the plan's network.
    """
    with sketching():
        _require_same_parameters(build_network(plan), tensors)
    with torch.random.fork_rng(devices=[]):  # its first weights are chance, then lost
        network = build_network(plan)
    load_parameters(network, tensors)
    return network


def load_parameters(network: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put stored parameters into a network.

    Raises:
        ValueError: When names or shapes are not those of the network.
    """
    _require_same_parameters(network, tensors)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(tensors[name])


def _require_same_parameters(
    network: nn.Module, tensors: Mapping[str, torch.Tensor]
) -> None:
    parameters = dict(network.named_parameters())
    if parameters.keys() != tensors.keys():
        differing = sorted(parameters.keys() ^ tensors.keys())
        raise ValueError(f"weights and plan name other layers: {differing[:3]}")
    for name, parameter in parameters.items():
        if parameter.shape != tensors[name].shape:
            raise ValueError(f"{name} has another shape than the plan's")


def _first_stage(info: ModelInfo, folder: Path) -> TrainedModel | None:
    if not info.first_stage:
        return None
    if info.first_stage in {".", ".."} or {"/", "\\", ":"} & {*info.first_stage}:
        raise damaged(folder, "the first stage is not a folder in it")
    below = folder / info.first_stage
    if read_model_info(below).first_stage:
        raise damaged(below, "a first stage has none of its own")
    return load_model(below)


def _licence_in(folder: Path) -> str:
    file = folder / LICENCE_FILE
    if not file.is_file():
        return ""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise damaged(file, f"the licence cannot be read ({error.strerror})") from None


def _network(plan: Plan, folder: Path, path: str, sha256: str) -> nn.Module:
    file = folder / path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise damaged(file, f"the weights cannot be read ({error.strerror})") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise damaged(file, "the weights are not those the description names (SHA-256)")
    try:
        return network_with(plan, load(content)).eval()
    except (SafetensorError, ValueError) as error:
        raise damaged(file, str(error)) from None
