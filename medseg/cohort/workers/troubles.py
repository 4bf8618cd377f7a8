"""The errors of cases that could not be done for no fault of their files."""

from medseg.cohort.stages import Stage
from medseg.core.errors import ErrorCode, MedSegError, UnusableInput

_HERE = "this machine"


def died() -> MedSegError:
    """The process that worked on a case is gone, each time it was tried."""
    return UnusableInput(
        ErrorCode.WORKER_DIED,
        "the process that worked on it was killed or crashed, each time",
        where=_HERE,
        remedy="Look at this case alone; it may need more memory than there is.",
    )


def timed_out(limit_s: float) -> MedSegError:
    """A case took longer than it may."""
    return UnusableInput(
        ErrorCode.TIMED_OUT,
        f"it was not done after {limit_s:g} s",
        where=_HERE,
        remedy="Look at this case alone, or give a longer --time-limit-s.",
    )


def out_of_memory() -> MedSegError:
    """A case needs more memory than there is, or than it may have."""
    return UnusableInput(
        ErrorCode.OUT_OF_MEMORY,
        "there is not enough memory for this case",
        where=_HERE,
        remedy="Use fewer --workers, or a machine with more memory.",
    )


def not_even_begun(error: object, where: str) -> MedSegError:
    """A worker of a cluster could not take a case, or could not tell of it."""
    return UnusableInput(
        ErrorCode.UNFORESEEN,
        f"{type(error).__name__} in a worker that should have begun",
        where=where,
        remedy="Look into the worker's own log; is MedSeg whole there?",
    )


def unforeseen(error: Exception, stage: Stage) -> MedSegError:
    """An error of MedSeg itself."""
    return UnusableInput(
        ErrorCode.UNFORESEEN,
        f"{type(error).__name__} while {stage} it",
        where="MedSeg",
        remedy="See the traceback in the folder logs, and report it.",
    )
