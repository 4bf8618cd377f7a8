"""The GPUs of this machine; it takes torch to know them."""

from medseg.core.settings import Device
from medseg.inference.devices import available_devices


def gpus_there() -> tuple[Device, ...]:
    """All of them, fastest first."""
    return tuple(device for device in available_devices() if device != "cpu")
