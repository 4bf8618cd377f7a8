"""Cases segmented by a network that had not learned from them, doubt beside Dice."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from medseg.core.case import Case, Dataset
from medseg.core.progress import Progress, ProgressCallback
from medseg.core.quality import QualityObservation
from medseg.core.settings import InferenceSettings
from medseg.core.volume import Volume
from medseg.io.checks import reading_errors, sha256_of
from medseg.io.safe_writing import written_whole
from medseg.metrics import score_described
from medseg.pipeline import ReadyModel, Request
from medseg.preprocessing import Wanted
from medseg.quality.unseen import Unseen
from medseg.training.cases import naming, read_case, read_case_volume

_WITH_UNCERTAINTY = Request(wanted=Wanted(uncertainty=True))


@dataclass(frozen=True, kw_only=True)
class CaseQuality:
    """What a network felt about a case that was new to it, and how right it was.

    Attributes:
        case_id: Name of the case.
        network: Its place in the model; -1 for all networks together.
        observations: Of the structures that it found or should have.
    """

    case_id: str
    network: int
    observations: tuple[QualityObservation, ...]


@dataclass(frozen=True, kw_only=True)
class AskedCase:
    """A case with a reference, and who is asked about it.

    Attributes:
        case: The case.
        network: Place of a network that had not learned from it; -1 for all.
    """

    case: Case
    network: int


@dataclass(frozen=True)
class _Kept:
    """A case as it is kept until all are done.

    Attributes:
        key: Stands for all that it depends on.
        case: The case.
    """

    key: str
    case: CaseQuality


_KEPT = TypeAdapter(_Kept)


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Who looks at cases, and where those that are done are kept.

    Attributes:
        dataset: The cases.
        unseen: Says which network may be asked.
        settings: How it is run.
        kept: Folder for what is done; a run that was stopped goes on from there.
    """

    dataset: Dataset
    unseen: Unseen
    settings: InferenceSettings
    kept: Path

    def asked(self, on_progress: ProgressCallback) -> Iterator[AskedCase]:
        """Every case with a reference that is new to a network; none is segmented.

        Args:
            on_progress: Called after every case; may raise `Cancelled`.

        Raises:
            UnusableInput: Naming the case whose scan cannot be read.
        """
        cases = [case for case in self.dataset.cases if case.reference is not None]
        for done, case in enumerate(cases, start=1):
            with naming(case):
                sha256 = read_case_volume(case, self.dataset).sha256
            network = self.unseen.network_for(sha256)
            if network is not None:
                yield AskedCase(case=case, network=network)
            note = case.id if network is not None else f"{case.id}: learned from"
            on_progress(
                Progress(stage="looking", done=done, total=len(cases), note=note)
            )

    def observed(
        self, asked: Sequence[AskedCase], on_progress: ProgressCallback
    ) -> Iterator[CaseQuality]:
        """What is seen of the cases, one after the other.

        Args:
            asked: From the method of that name.
            on_progress: Called after every case; may raise `Cancelled`.

        Raises:
            UnusableInput: Naming the case that cannot be used.
        """
        ready: dict[int, ReadyModel] = {}
        for done, (case, network) in enumerate(
            ((each.case, each.network) for each in asked), start=1
        ):
            if network not in ready:
                part = self.unseen.part(network)
                ready[network] = ReadyModel(part, self.settings)
            with naming(case):
                yield self._case(case, network, ready[network])
            on_progress(
                Progress(stage="observing", done=done, total=len(asked), note=case.id)
            )

    def _case(self, case: Case, network: int, ready: ReadyModel) -> CaseQuality:
        """One case; what an earlier run made of the same is taken."""
        volume, reference = read_case(case, self.dataset)
        path = self.kept / f"{case.id}.json"
        key = self._key(case, volume, ready)
        if (earlier := _earlier(path)) is not None and earlier.key == key:
            return replace(earlier.case, network=network)
        prediction = ready.predict(volume, request=_WITH_UNCERTAINTY)
        of_labels = replace(self.dataset.described, regions=())
        scores = score_described(prediction.segmentation, reference, of_labels)
        dice = {row.structure: row.dice for row in scores.rows}
        made = CaseQuality(
            case_id=case.id,
            network=network,
            observations=tuple(
                QualityObservation(found=replace(each, predicted_dice=None), dice=known)
                for each in prediction.structures
                if (known := dice.get(each.structure)) is not None
            ),
        )
        with written_whole(path, overwrite=True) as temporary:
            temporary.write_bytes(_KEPT.dump_json(_Kept(key, made)))
        return made

    def _key(self, case: Case, volume: Volume, ready: ReadyModel) -> str:
        if case.reference is None:
            raise RuntimeError("cases without a reference are left out")
        settings = asdict(replace(self.settings, device=ready.settings.device))
        content = [
            ready.model.sha256,
            ready.model.info.largest_piece_only,
            volume.sha256,
            sha256_of(case.reference),
            {name: str(value) for name, value in settings.items()},
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _earlier(path: Path) -> _Kept | None:
    if not path.exists():
        return None
    with reading_errors(path):
        content = path.read_bytes()
    try:
        return _KEPT.validate_json(content)
    except ValidationError:
        return None
