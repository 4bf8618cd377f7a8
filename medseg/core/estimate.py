"""What a run over a scan would take."""

from dataclasses import dataclass

from medseg.core.settings import Device, Precision


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What segmenting a scan would take, roughly.

    Attributes:
        device: Where it would run.
        precision: In which number format.
        windows: How many are computed.
        seconds: Loading the model left out.
        memory_bytes: Of main memory on the CPU, of the GPU's on a GPU, for the network
            and the prepared scan; None where the system does not say.
        free_bytes: Of the same memory, how much this process can have; None where that
            is not known.
    """

    device: Device
    precision: Precision
    windows: int
    seconds: float
    memory_bytes: int | None
    free_bytes: int | None

    @property
    def is_too_large(self) -> bool:
        """Whether it takes more memory than there is."""
        if self.memory_bytes is None or self.free_bytes is None:
            return False
        return self.memory_bytes > self.free_bytes
