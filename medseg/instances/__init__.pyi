from .measuring import measure_instances
from .separating import DEFAULT_INSTANCE_RULES, counted, tell_apart

__all__ = [
    "DEFAULT_INSTANCE_RULES",
    "counted",
    "measure_instances",
    "tell_apart",
]
