from .abilities import can_quantise, can_write_in_place
from .build import build_network, encoder_parameters, parameter_count
from .halving import halving_multiple
from .in_place_unet import InPlaceUNet
from .inference_form import CompiledForm, inference_form
from .instance_norm import FastInstanceNorm3d
from .quiet_head import quieten_head
from .rebuilding import require_quantisable
from .supervision import Supervised, supervised

__all__ = [
    "CompiledForm",
    "FastInstanceNorm3d",
    "InPlaceUNet",
    "Supervised",
    "build_network",
    "can_quantise",
    "can_write_in_place",
    "encoder_parameters",
    "halving_multiple",
    "inference_form",
    "parameter_count",
    "quieten_head",
    "require_quantisable",
    "supervised",
]
