from .detecting import instance_boxes, with_confidence
from .files import (
    MeasuredInstances,
    instance_files,
    require_writable_instances,
    write_instances,
)
from .following import DEFAULT_FOLLOW_UP_RULES, follow
from .measuring import measure_instances
from .separating import DEFAULT_INSTANCE_RULES, counted, tell_apart

__all__ = [
    "DEFAULT_FOLLOW_UP_RULES",
    "DEFAULT_INSTANCE_RULES",
    "MeasuredInstances",
    "counted",
    "follow",
    "instance_boxes",
    "instance_files",
    "measure_instances",
    "require_writable_instances",
    "tell_apart",
    "with_confidence",
    "write_instances",
]
