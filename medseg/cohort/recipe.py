"""What a process needs to know to work on a cohort; light, so that it starts soon."""

from dataclasses import dataclass
from pathlib import Path

from medseg import cohort
from medseg.cohort.folder.journal import Written
from medseg.cohort.settings import WhatToMake
from medseg.cohort.stages import Engine
from medseg.core.cohort import CohortCase
from medseg.core.settings import Device

CaseEngine = Engine[CohortCase, Written]


@dataclass(frozen=True, kw_only=True)
class CohortWork:
    """What an executor is asked to do.

    Attributes:
        folder: Of the cohort.
        make: What is made of each scan.
        cases: All that are to be done.
    """

    folder: Path
    make: WhatToMake
    cases: tuple[CohortCase, ...]


@dataclass(frozen=True, kw_only=True)
class CaseRecipe:
    """How a process gets the engine of a cohort.

    Attributes:
        folder: Of the cohort.
        make: What is made of each scan.
        device: Where it is computed.
        threads: Of the CPU, for this process.
    """

    folder: Path
    make: WhatToMake
    device: Device
    threads: int

    def start(self) -> CaseEngine:
        """Load the models, and with them torch.

        Raises:
            WrongUse: UNKNOWN_MODEL; NO_SUCH_DEVICE.
            UnusableInput: DAMAGED_MODEL.
        """
        return cohort.start_engine(self)
