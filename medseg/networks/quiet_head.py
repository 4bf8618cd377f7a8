"""An instance head that says nothing at first."""

from dataclasses import replace

import torch
from torch import nn

from medseg.core.plan import Plan
from medseg.networks.build import build_network


@torch.no_grad()
def quieten_head(network: nn.Module, plan: Plan) -> None:
    """Let a fresh network's head give 0 everywhere; without a head nothing changes.

    Chance weights would give a heat-map whose error is a thousand times that of an
    empty one.

    Args:
        network: As `build_network` made it of the plan; changed.
        plan: Its plan.
    """
    if plan.head is None:
        return
    with torch.device("meta"):
        plain = build_network(replace(plan, head=None))
    shapes = {name: each.shape for name, each in plain.named_parameters()}
    for path, module in network.named_modules():
        if not isinstance(module, nn.Conv3d):
            continue
        for name, parameter in module.named_parameters(path, recurse=False):
            if len(parameter) != shapes[name][0]:
                parameter[len(plan.output_names) :] = 0
