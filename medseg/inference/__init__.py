"""Prepared + networks -> logits on the prepared grid."""

from medseg.core.memory import available_bytes
from medseg.inference.components import keep_largest_pieces
from medseg.inference.devices import (
    available_devices,
    free_bytes,
    memory_format,
    place,
    resolved_choice,
    resolved_device,
    resolved_dtype,
)
from medseg.inference.engine import (
    MEAN_EVERYWHERE,
    Asked,
    stream_logits,
    stream_of_ready,
)
from medseg.inference.layout import Layout
from medseg.inference.measuring import Measured, measure
from medseg.inference.needed import with_margin
from medseg.inference.running import Runner
from medseg.preprocessing import is_out_of_memory

__all__ = [
    "MEAN_EVERYWHERE",
    "Asked",
    "Layout",
    "Measured",
    "Runner",
    "available_bytes",
    "available_devices",
    "free_bytes",
    "is_out_of_memory",
    "keep_largest_pieces",
    "measure",
    "memory_format",
    "place",
    "resolved_choice",
    "resolved_device",
    "resolved_dtype",
    "stream_logits",
    "stream_of_ready",
    "with_margin",
]
