"""What is known about a trained model without opening its weights."""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from medseg.core.plan import Plan


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """One network's weights.

    Attributes:
        path: Relative to the model folder, with forward slashes.
        sha256: Hash of the file.
    """

    path: str
    sha256: str

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path).parts
        if not parts or {"/", ".."} & {*parts} or {"\\", ":", "\0"} & {*self.path}:
            raise ValueError(f"weights lie in the model's folder, got {self.path!r}")


@dataclass(frozen=True, kw_only=True)
class StructureResult:
    """How well a model did for one structure on cases it was not trained on.

    Attributes:
        structure: Name.
        mean_dice: Over the cases in which either mask holds it; None if none does.
        mean_iou: Likewise.
        cases: How many those are.
        mean_hd95_mm: Over the same cases; where only one mask holds it, the diagonal of
            the image stands for the distance. None if not measured.
        mean_nsd: Over the same cases; None without a tolerance.
        tolerance_mm: Of the NSD.
    """

    structure: str
    mean_dice: float | None
    mean_iou: float | None
    cases: int
    mean_hd95_mm: float | None = None
    mean_nsd: float | None = None
    tolerance_mm: float | None = None

    def __str__(self) -> str:
        if self.mean_dice is None or self.mean_iou is None:
            return f"{self.structure}: in no held-out case"
        means = [f"mean Dice {self.mean_dice:.4f}", f"mean IoU {self.mean_iou:.4f}"]
        if self.mean_hd95_mm is not None:
            means.append(f"mean HD95 {self.mean_hd95_mm:.2f} mm")
        if self.mean_nsd is not None:
            means.append(f"mean NSD {self.mean_nsd:.4f} at {self.tolerance_mm:g} mm")
        return f"{self.structure}: {', '.join(means)}, n {self.cases}"


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """What a model was trained on and how.

    Attributes:
        dataset: Name of the dataset.
        source: Where it comes from and its licence.
        cases: Ids of the cases trained on.
        image_sha256: Hash of each training image, in the order of `cases`.
        held_out: Ids of the cases kept apart for `results`.
        started_from: Name of the model whose weights it started from; often empty.
        started_from_sha256: Hash of that model's weights.
        earlier_image_sha256: Hash of each image that model had learned from.
        settings: Training settings, name and value.
        steps: Weight updates of a network; the most where they differ.
        seconds: Time the steps of all networks took.
        versions: Package name and version.
    """

    dataset: str
    source: str
    cases: tuple[str, ...]
    image_sha256: tuple[str, ...]
    held_out: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    steps: int
    seconds: float
    versions: tuple[tuple[str, str], ...]
    started_from: str = ""
    started_from_sha256: str = ""
    earlier_image_sha256: tuple[str, ...] = ()

    def has_seen(self, image_sha256: str) -> bool:
        """Whether an image was learned from, here or by the model started from."""
        return image_sha256 in {*self.image_sha256, *self.earlier_image_sha256}


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """The content of a model folder's `model.json`.

    Attributes:
        name: Short name ("hippocampus").
        summary: One sentence for people who choose.
        licence: Of the weights, as SPDX expression.
        plan: What the network takes and gives.
        weights: One file a fold.
        training: What it was trained on.
        results: Scores on held-out cases; empty when none were held out.
        results_note: Which cases the results are from.
        largest_piece_only: Structures of which only the largest connected piece is
            kept, since that was better on cases not trained on.
        first_stage: Folder within the model's of a coarser model whose label map, one
            channel a structure, this one's network takes after the scan's own
            channels; empty when it needs none.
        schema_version: Of this description.
    """

    name: str
    summary: str
    licence: str
    plan: Plan
    weights: tuple[WeightFile, ...]
    training: TrainingRecord
    results: tuple[StructureResult, ...] = ()
    results_note: str = ""
    largest_piece_only: tuple[str, ...] = ()
    first_stage: str = ""
    schema_version: int = 1

    @property
    def sha256(self) -> str:
        """Hash over the hashes of the weights, a first stage's left out."""
        return hashlib.sha256(
            "".join(w.sha256 for w in self.weights).encode()
        ).hexdigest()

    @property
    def was_imported(self) -> bool:
        """Whether another tool trained it, so that little is known of how."""
        return any(name == "trained by" for name, _ in self.training.settings)
