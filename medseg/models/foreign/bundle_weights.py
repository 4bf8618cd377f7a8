"""A MONAI state dictionary as the parameters of our form of the network, and back."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from medseg.core.plan import MonaiNetwork
from medseg.networks.monai_networks import (
    ChannelScale,
    RunningNorm,
    bare_monai_network,
    running_norm,
)
from medseg.networks.sketches import sketching

_WRAPPINGS = ("module.", "_orig_mod.", "network.", "net.", "model.")
_TRAINING_ONLY = ("deep_supervision_heads.", "skip_layers.", "heads.")
_REORDERED = "network."


def parameters_of(
    described: MonaiNetwork, tensors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Parameters of `monai_network`, out of the state of MONAI's own network.

    Running statistics of norms become scales and shifts. Copies under a second
    name, as DynUNet has them, and heads that only training needs are left out.

    Raises:
        ValueError: When the tensors are not those of the network.
    """
    with sketching():
        network = bare_monai_network(described)
    state = _unwrapped(tensors, network)
    _require_same(state, network)
    norms = {
        name: module for name, module in network.named_modules() if running_norm(module)
    }
    result = {
        name: state[name].float()
        for name, _ in network.named_parameters()
        if name.rpartition(".")[0] not in norms
    }
    for name, norm in norms.items():
        result |= _scale(state, name, norm)
    lead = _REORDERED if described.output_order else ""
    return {lead + name: tensor for name, tensor in result.items()}


def state_of(network: nn.Module, plain: nn.Module) -> dict[str, Tensor]:
    """State of MONAI's own network, out of the parameters of our form of it.

    Args:
        network: Ours.
        plain: MONAI's, of the same architecture.
    """
    state = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    names = dict(plain.named_modules(remove_duplicate=False))
    ours = dict(network.named_modules(remove_duplicate=False))
    for name, module in names.items():
        own = ours.get(name)
        if own is None:
            continue
        if isinstance(own, ChannelScale) and (norm := running_norm(module)):
            state |= _statistics(own, name, norm)
            continue
        for part, parameter in own.named_parameters(recurse=False):
            key = f"{name}.{part}" if name else part
            state[key] = parameter.detach().float().cpu().contiguous().clone()
    return state


def _unwrapped(tensors: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The tensors without what all names begin with that the network's do not."""
    wanted = {name for name, _ in network.named_parameters()}
    state = dict(tensors)
    for _ in _WRAPPINGS:
        if wanted <= state.keys():
            break
        for lead in _WRAPPINGS:
            if state and all(name.startswith(lead) for name in state):
                state = {name.removeprefix(lead): each for name, each in state.items()}
                break
    return state


def _require_same(state: Mapping[str, Tensor], network: nn.Module) -> None:
    expected = {
        name: tensor.shape
        for name, tensor in network.state_dict().items()
        if not name.startswith(_TRAINING_ONLY)
    }
    needed = {name for name, _ in network.named_parameters()}
    needed |= {
        name for name in expected if name.endswith(("running_mean", "running_var"))
    }
    if missing := sorted(needed - state.keys()):
        raise ValueError(f"the weights of {missing[0]} are missing")
    known = {name for name in state if not name.startswith(_TRAINING_ONLY)}
    if extra := sorted(known - expected.keys()):
        raise ValueError(f"the network has no {extra[0]}")
    for name in sorted(needed):
        if state[name].shape != expected[name]:
            raise ValueError(
                f"{name} is {tuple(state[name].shape)}, the network's "
                f"{tuple(expected[name])}"
            )
        if not torch.isfinite(state[name]).all():
            raise ValueError(f"{name} holds NaN or infinite values")


def _scale(
    state: Mapping[str, Tensor], name: str, norm: RunningNorm
) -> dict[str, Tensor]:
    """(x - mean) / sqrt(variance + eps) x weight + bias, in float64."""
    variance = state[f"{name}.running_var"].double()
    mean = state[f"{name}.running_mean"].double()
    weight, bias = torch.ones_like(mean), torch.zeros_like(mean)
    if norm.affine:
        weight = state[f"{name}.weight"].double()
        bias = state[f"{name}.bias"].double()
    factor = weight / (variance + norm.eps).sqrt()
    return {
        f"{name}.weight": factor.float(),
        f"{name}.bias": (bias - mean * factor).float(),
    }


def _statistics(scale: ChannelScale, name: str, norm: RunningNorm) -> dict[str, Tensor]:
    """What a norm of MONAI's holds to be that factor and shift."""
    factor, shift = (
        each.detach().double().cpu() for each in (scale.weight, scale.bias)
    )
    if norm.affine:
        mean, variance = torch.zeros_like(factor), torch.full_like(factor, 1 - norm.eps)
        own = {f"{name}.weight": factor.float(), f"{name}.bias": shift.float()}
    else:
        mean, variance, own = -shift / factor, factor**-2 - norm.eps, {}
    running = {"running_mean": mean.float(), "running_var": variance.float()}
    return own | {f"{name}.{part}": each for part, each in running.items()}
