from .counting import counted, merged_structures
from .detecting import instance_boxes, with_confidence
from .files import (
    MeasuredInstances,
    instance_files,
    require_instance_format,
    require_writable_instances,
    write_instances,
)
from .following import DEFAULT_FOLLOW_UP_RULES, follow
from .measuring import measure_instances
from .separable import (
    has_learned_centres,
    require_separable,
    require_splittable,
)
from .separating import DEFAULT_INSTANCE_RULES, separate_instances
from .tracking import with_tracking

__all__ = [
    "DEFAULT_FOLLOW_UP_RULES",
    "DEFAULT_INSTANCE_RULES",
    "MeasuredInstances",
    "counted",
    "follow",
    "has_learned_centres",
    "instance_boxes",
    "instance_files",
    "measure_instances",
    "merged_structures",
    "require_instance_format",
    "require_separable",
    "require_splittable",
    "require_writable_instances",
    "separate_instances",
    "with_confidence",
    "with_tracking",
    "write_instances",
]
