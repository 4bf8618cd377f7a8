from .components import keep_largest_pieces
from .devices import (
    available_devices,
    free_bytes,
    memory_format,
    place,
    resolved_choice,
    resolved_device,
    resolved_dtype,
)
from .engine import (
    MEAN_EVERYWHERE,
    Asked,
    stream_logits,
    stream_of_ready,
)
from .layout import Layout
from .measuring import Measured, measure
from .needed import with_margin
from .running import Runner

__all__ = [
    "MEAN_EVERYWHERE",
    "Asked",
    "Layout",
    "Measured",
    "Runner",
    "available_devices",
    "free_bytes",
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
