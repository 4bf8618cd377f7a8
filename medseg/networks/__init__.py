"""Plan -> network."""

from medseg.networks.build import build_network, encoder_parameters, parameter_count
from medseg.networks.halving import halving_multiple
from medseg.networks.in_place_unet import InPlaceUNet
from medseg.networks.inference_form import CompiledForm, inference_form
from medseg.networks.instance_norm import FastInstanceNorm3d
from medseg.networks.quiet_head import quieten_head
from medseg.networks.rebuilding import can_quantise, require_quantisable
from medseg.networks.supervision import Supervised, supervised

__all__ = [
    "CompiledForm",
    "FastInstanceNorm3d",
    "InPlaceUNet",
    "Supervised",
    "build_network",
    "can_quantise",
    "encoder_parameters",
    "halving_multiple",
    "inference_form",
    "parameter_count",
    "quieten_head",
    "require_quantisable",
    "supervised",
]
