"""Networks that a bundle names, as MONAI makes them, or refused."""

import json
from typing import Any

import pytest
import torch

from medseg import UnusableInput
from medseg.core.plan import (
    MonaiNetwork,
    MonaiNetworkName,
)
from medseg.models.folder import network_with
from medseg.models.foreign.bundle_weights import parameters_of, state_of
from medseg.networks.monai_networks import bare_monai_network, network_arguments
from medseg.networks.sketches import sketching
from tests.core.models.foreign.bundles import (
    QUIETLY,
    UNET,
    Recipe,
    chance_state,
    planned,
)

pytestmark = [pytest.mark.filterwarnings(line) for line in QUIETLY]
CODE = "$'$__import__(\"os\").getcwd()'"


def network_of(**arguments: Any) -> MonaiNetwork:
    given = {**UNET, **arguments}
    del given["_target_"]
    return MonaiNetwork(name=MonaiNetworkName.UNET, arguments=json.dumps(given))


@pytest.mark.parametrize(
    "arguments",
    [
        {"bias": CODE},
        {"act": ["prelu", {"init": "$__import__('os')"}]},
        {"act": ["prelu", {"_target_": "os.system"}]},
        {"norm": "@network"},
        {"norm": "%other.json#norm"},
        {"norm": [[[[[[[["batch"]]]]]]]]},
        {"num_res_units": 10**4},
        {"channels": [4, 8, 2**20]},
    ],
)
def test_an_argument_that_is_more_than_data_is_refused(arguments):
    with pytest.raises(ValueError, match=r"^(bias|act|norm|num_res_units|channels) "):
        network_arguments(network_of(**arguments))  # as of a model.json made by hand
    with pytest.raises(UnusableInput, match="UNSUPPORTED_MODEL"):
        planned(Recipe(network={**UNET, **arguments}))


@pytest.mark.parametrize(
    "norm",
    [
        "BATCH",
        ["BATCH", {"affine": False}],
        "SYNCBATCH",
        ["INSTANCE", {"affine": True, "track_running_stats": True}],
        ["INSTANCE", {"track_running_stats": True}],
        ["INSTANCE", {"affine": True}],
        ["GROUP", {"num_groups": 1}],
    ],
    ids=str,
)
def test_norms_do_what_they_do_in_monai_and_go_back_to_it(norm):
    described = network_of(norm=norm)
    theirs = bare_monai_network(described).eval()
    for name, tensor in theirs.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 9)
        elif tensor.ndim == 1 and tensor.is_floating_point():
            tensor.add_(torch.randn_like(tensor) * 0.3)
    recipe = Recipe(network={**UNET, "norm": norm})
    ours = network_with(
        planned(recipe).plan, parameters_of(described, theirs.state_dict())
    )
    window = torch.randn(1, 1, 16, 16, 16)
    again = bare_monai_network(described).eval()
    again.load_state_dict(state_of(ours, bare_monai_network(described)))
    with torch.no_grad():
        wanted = theirs(window)
        for network in (ours.eval(), again):
            largest = wanted.abs().max()
            assert (network(window) - wanted).abs().max() <= 1e-5 * largest


def test_a_norm_that_looks_at_the_batch_is_refused():
    described = network_of(norm=["BATCH", {"track_running_stats": False}])
    state = bare_monai_network(described).state_dict()
    with pytest.raises(ValueError, match="without running statistics"):
        parameters_of(described, state)


def test_a_network_that_is_claimed_larger_than_its_weights_takes_no_memory():
    huge = network_of(channels=[1024, 2048, 4096])  # some 4 GB
    with pytest.raises(ValueError, match=r"is \(\d+,.*\), the network's \(\d+,"):
        parameters_of(huge, chance_state(UNET))


@pytest.mark.parametrize("name", list(MonaiNetworkName))
def test_a_sketched_network_has_the_names_and_shapes_of_a_built_one(name):
    few: dict[str, Any]
    few = {"init_filters": 8} if name in ("SegResNet", "MedNeXt") else {}
    few |= {"feature_size": 12} if name == "SwinUNETR" else {}
    if name == "UNet":
        few = {"spatial_dims": 3, "channels": [4, 8], "strides": [2]}
    if name == "DynUNet":
        few = {"spatial_dims": 3, "kernel_size": [3, 3, 3], "strides": [1, 2, 2]}
        few |= {"upsample_kernel_size": [2, 2], "filters": [4, 4, 4]}
    arguments = json.dumps({"in_channels": 1, "out_channels": 2, **few})
    described = MonaiNetwork(name=name, arguments=arguments)
    with sketching():
        sketched = bare_monai_network(described)
    assert all(each.is_meta for each in sketched.parameters())
    assert shapes_of(sketched) == shapes_of(bare_monai_network(described))


def shapes_of(network: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: each.shape for name, each in network.named_parameters()}
