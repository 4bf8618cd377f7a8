"""Prepared + networks -> logits on the prepared grid."""

from medseg.inference.components import keep_largest_pieces
from medseg.inference.devices import (
    available_devices,
    memory_format,
    place,
    resolved_choice,
    resolved_device,
    resolved_dtype,
)
from medseg.inference.engine import MEAN_EVERYWHERE, Asked, stream_logits
from medseg.inference.measuring import Measured, measure
from medseg.inference.memory import available_bytes, is_out_of_memory
from medseg.inference.needed import with_margin

__all__ = [
    "MEAN_EVERYWHERE",
    "Asked",
    "Measured",
    "available_bytes",
    "available_devices",
    "is_out_of_memory",
    "keep_largest_pieces",
    "measure",
    "memory_format",
    "place",
    "resolved_choice",
    "resolved_device",
    "resolved_dtype",
    "stream_logits",
    "with_margin",
]
