"""Names of channels: which modality they mean, and which are the same."""

from collections.abc import Sequence

from medseg.core.errors import ErrorCode, UnusableInput

_MR_NAMES = (
    "MR",
    "MRI",
    "T1",
    "T1W",
    "T1GD",
    "T1C",
    "T2",
    "T2W",
    "FLAIR",
    "ADC",
    "DWI",
)
_MODALITIES = {
    **{code: code for code in ("CT", "PT", "NM", "US", "CR", "DX", "XA")},
    **dict.fromkeys(_MR_NAMES, "MR"),
}


def modality_of(channel: str) -> str:
    """DICOM's code of the modality a channel's name means; empty where it says none."""
    return _MODALITIES.get(channel.upper(), "")


def channel_order(given: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...]:
    """Place among the channels given of each one wanted; empty where they do not fit.

    Several channels are matched by name, in any order and case. The name of a single
    one does not matter, unless it says CT, MR, PT ... and another one is wanted.
    """
    if len(wanted) == 1 and len(given) == 1:
        kinds = {modality_of(given[0]), modality_of(wanted[0])} - {""}
        return () if len(kinds) == 2 else (0,)
    upper = [name.upper() for name in given]
    if sorted(upper) != sorted(name.upper() for name in wanted):
        return ()
    return tuple(upper.index(name.upper()) for name in wanted)


def require_channels(given: Sequence[str], wanted: Sequence[str], where: str) -> None:
    """Refuse a scan whose channels are not those that a model takes.

    Args:
        given: The scan's.
        wanted: The model's.
        where: Name of the scan.

    Raises:
        UnusableInput: CHANNEL_MISMATCH.
    """
    if channel_order(given, wanted):
        return
    is_one = len(given) == len(wanted) == 1
    raise UnusableInput(
        ErrorCode.CHANNEL_MISMATCH,
        f"the scan's channels are {', '.join(given)}; the model takes "
        f"{', '.join(wanted)}",
        where=where,
        remedy="Choose a model for this modality."
        if is_one
        else "Give one file for each with --channel NAME=PATH.",
    )
