"""One scan of one patient on disk, and a dataset of them."""

from dataclasses import dataclass
from pathlib import Path

from medseg.core.described_labels import DescribedLabels
from medseg.core.instance_head import require_things_of
from medseg.core.labels import LabelSet
from medseg.core.regions import Region


@dataclass(frozen=True, kw_only=True)
class Case:
    """Where the files of one case are.

    Attributes:
        id: Unique name within its dataset.
        images: One file holding every channel, or one file per channel.
        reference: Label map, where there is one.
        patient: Patient key, for statistics; empty when every case is its own.
        centre: Site the scan comes from.
        instances: Number of the thing at each voxel, where the dataset names things.
    """

    id: str
    images: tuple[Path, ...]
    reference: Path | None = None
    patient: str = ""
    centre: str = ""
    instances: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Cases that share channels and labels.

    Attributes:
        name: Folder name or the name its description gives.
        channels: Name of each channel ("CT", "MRI", "T1" ...).
        labels: The structures in the references.
        cases: By ascending id.
        regions: Overlapping structures to learn, made of the labels; often none.
        ignore_id: Label of voxels that nobody looked at: neither loss nor scores count
            them. It is not among `labels`.
        things: Names of the structures whose cases say which voxel is of which thing.
        licence: As the description gives it, empty if it does not.
        source: Where the data come from, in words.
    """

    name: str
    channels: tuple[str, ...]
    labels: LabelSet
    cases: tuple[Case, ...]
    regions: tuple[Region, ...] = ()
    ignore_id: int | None = None
    things: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        has_regions = bool(self.described.regions)  # which checks them, too
        require_things_of(self.labels.names, self.things, has_regions=has_regions)

    @property
    def described(self) -> DescribedLabels:
        """What the numbers in the references mean."""
        return DescribedLabels(
            labels=self.labels, regions=self.regions, ignore_id=self.ignore_id
        )
