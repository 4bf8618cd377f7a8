"""How nnU-Net's arrays lie, and along which axes it mirrors them."""

from collections.abc import Sequence

from medseg.core.geometry import Shape3
from medseg.core.labels import LabelSet
from medseg.core.plan import PatientAxes, StoredAxes
from medseg.models.foreign.nnunet_network import unsupported
from medseg.models.foreign.texts import one_line

_AS_STORED = {"SimpleITKIO", "NibabelIO"}
_TO_RAS = {"SimpleITKIOWithReorient", "NibabelIOWithReorient"}
_TURNED_TO_RAS = "TotalSegmentator"
_AS_THEY_LIE = (
    "taken as they lie in the file; import it again, trained as RAS "
    "(--trained-as RAS), if a tool around nnU-Net turned scans so"
)
_MIRRORED_SIDES = (
    "its labels are told apart by their side, yet nnU-Net mirrors scans for this "
    "model, and so does MedSeg; --no-mirror leaves it out"
)


def axes_of(
    reader: str, transposed: Shape3, dataset: str, trained_as: PatientAxes | None
) -> tuple[PatientAxes | StoredAxes, str]:
    """The network's axes, and how they are known.

    Args:
        reader: nnU-Net's class that reads scans, with the voxel axes k, j, i.
        transposed: How these are put in another order then.
        dataset: Name of the dataset.
        trained_as: Where i, j and k pointed, where a tool around nnU-Net turned them.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL for a reader that is not known.
    """
    first, second, third = (2 - axis for axis in transposed)
    order = (first, second, third)
    if reader not in _AS_STORED | _TO_RAS:
        raise unsupported(f"the image reader {one_line(reader)}", dataset)
    if trained_as is not None:
        codes, how = trained_as.codes, "as you say"
    elif reader in _TO_RAS:
        codes, how = PatientAxes().codes, f"as nnU-Net's {reader} does"
    elif _TURNED_TO_RAS in dataset:
        codes, how = PatientAxes().codes, f"as {_TURNED_TO_RAS} does, by its name"
    else:
        return StoredAxes(order=order), _AS_THEY_LIE
    axes = PatientAxes(codes="".join(codes[axis] for axis in order))
    return axes, f"voxels of scans are made to run to {codes}, {how}"


def mirroring_reasons(
    labels: LabelSet, mirror_axes: Sequence[int]
) -> tuple[tuple[str, str], ...]:
    """What there is to say of it.

    nnU-Net mirrors whatever the labels are called, so it is done here as well.
    """
    if not (labels.is_lateral and mirror_axes):
        return ()
    return (("mirror_axes", _MIRRORED_SIDES),)
