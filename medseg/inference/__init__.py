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
from medseg.inference.engine import predict_logits

__all__ = [
    "available_devices",
    "keep_largest_pieces",
    "memory_format",
    "place",
    "predict_logits",
    "resolved_choice",
    "resolved_device",
    "resolved_dtype",
]
