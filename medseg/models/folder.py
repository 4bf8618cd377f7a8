"""A trained model: its description and its networks."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from medseg.core.model_info import ModelInfo
from medseg.io.safe_writing import written_whole
from medseg.models.card import CARD_FILE, LICENCE_FILE, licence_text, model_card
from medseg.models.description import damaged, read_model_info, write_model_info
from medseg.models.zoo import model_folder
from medseg.networks import build_network


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedModel:
    """Networks ready to run, one a fold, with their description.

    Attributes:
        info: The content of `model.json`.
        networks: In the order of `info.weights`; their mean is the model's answer.
    """

    info: ModelInfo
    networks: tuple[nn.Module, ...]

    @property
    def sha256(self) -> str:
        """Hash over the hashes of the weights: names this very model."""
        return hashlib.sha256(
            "".join(weight.sha256 for weight in self.info.weights).encode()
        ).hexdigest()


def load_model(name_or_folder: str | Path) -> TrainedModel:
    """Open a shipped model by name, or a model folder by path.

    Every weight file is checked against the hash in `model.json`.

    Raises:
        WrongUse: UNKNOWN_MODEL when there is no such name or folder.
        UnusableInput: DAMAGED_MODEL when a file is missing, changed or does not fit.
    """
    folder = model_folder(name_or_folder)
    info = read_model_info(folder)
    if not info.weights:
        raise damaged(folder, "it names no weights")
    networks = tuple(
        _network(info, folder, weight.path, weight.sha256) for weight in info.weights
    )
    return TrainedModel(info=info, networks=networks)


def save_model(info: ModelInfo, networks: Sequence[bytes], folder: Path) -> None:
    """Write weights (from `weights_bytes`), description, card and licence."""
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


def weights_bytes(network: nn.Module) -> bytes:
    """Parameters as a safetensors file, each once, contiguous, float32, on the CPU."""
    return save(
        {
            name: parameter.detach().float().cpu().contiguous().clone()
            for name, parameter in network.named_parameters()
        }
    )


def load_parameters(network: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Put stored parameters into a network.

    Raises:
        ValueError: When names or shapes are not those of the network.
    """
    parameters = dict(network.named_parameters())
    if parameters.keys() != tensors.keys():
        differing = sorted(parameters.keys() ^ tensors.keys())
        raise ValueError(f"weights and plan name other layers: {differing[:3]}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if parameter.shape != tensors[name].shape:
                raise ValueError(f"{name} has another shape than the plan's")
            parameter.copy_(tensors[name])


def _network(info: ModelInfo, folder: Path, path: str, sha256: str) -> nn.Module:
    file = folder / path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise damaged(file, f"the weights cannot be read ({error.strerror})") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise damaged(file, "the weights are not those the description names (SHA-256)")
    with torch.random.fork_rng(devices=[]):  # its first weights are chance, then lost
        network = build_network(info.plan)
    try:
        load_parameters(network, load(content))
    except (SafetensorError, ValueError) as error:
        raise damaged(file, str(error)) from None
    return network.eval()
