"""Label maps of several readers -> scores of every pair, and of the consensus."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

from medseg.core.described_labels import DescribedLabels, all_labels_of
from medseg.core.errors import ErrorCode, MedSegError
from medseg.core.evaluation import FailedCase
from medseg.core.progress import Progress, ProgressCallback
from medseg.core.scores import Scores
from medseg.evaluation.pairing import CaseFiles
from medseg.evaluation.pool import Died, each_result
from medseg.evaluation.scoring import (
    CaseTask,
    ScoredCase,
    died_case,
    scored_or_failed,
)
from medseg.evaluation.settings import EvaluationSettings
from medseg.io import read_segmentation, write_segmentation
from medseg.preprocessing import resample_nearest
from medseg.study.consensus import majority_of

CONSENSUS = "consensus"


@dataclass(frozen=True, kw_only=True)
class ReaderFiles:
    """Label maps of the same cases by readers and by models.

    Attributes:
        readers: By name, then by case; the study's reference comes first.
        models: Likewise.
        described: What the labels mean; None for the names beside the files.
    """

    readers: Mapping[str, Mapping[str, Path]]
    models: Mapping[str, Mapping[str, Path]]
    described: DescribedLabels | None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Who is scored against whom, the consensus left out."""
        readers = [(second, first) for first, second in combinations(self.readers, 2)]
        return [*readers, *((m, r) for m in self.models for r in self.readers)]

    def shared(self, cases: Sequence[str]) -> list[str]:
        """The cases that all readers have."""
        return [c for c in cases if all(c in files for files in self.readers.values())]


@dataclass(frozen=True, kw_only=True)
class PairScores:
    """What became of the comparisons.

    Attributes:
        scores: By pair (scored, scored against), then by case.
        failures: Sentences about cases that could not be compared.
    """

    scores: Mapping[tuple[str, str], Mapping[str, Scores]]
    failures: tuple[str, ...]


def score_pairs(
    files: ReaderFiles,
    cases: Sequence[str],
    settings: EvaluationSettings,
    on_progress: ProgressCallback,
) -> PairScores:
    """Score readers against one another, models against each and the consensus.

    Args:
        files: Where the label maps are.
        cases: Those to compare.
        settings: Tolerances, resampling and workers.
        on_progress: Called after every comparison; may raise `Cancelled`.
    """
    run = _Run(files=files, settings=settings, on_progress=on_progress)
    with TemporaryDirectory(prefix="medseg-consensus-") as folder:
        consensus = run.consensus(files.shared(cases), Path(folder))
        for first, second in files.pairs:
            by = files.models if first in files.models else files.readers
            run.score(first, by[first], second, files.readers[second], cases)
        for model, predictions in files.models.items():
            run.score(model, predictions, CONSENSUS, consensus, cases)
    return PairScores(scores=run.scores, failures=tuple(run.failures))


@dataclass(frozen=True, kw_only=True)
class _ConsensusTask:
    case_id: str
    readers: tuple[Path, ...]
    described: DescribedLabels | None
    resample: bool
    out: Path


@dataclass(frozen=True)
class _Written:
    case_id: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The comparisons under way."""

    files: ReaderFiles
    settings: EvaluationSettings
    on_progress: ProgressCallback
    scores: dict[tuple[str, str], dict[str, Scores]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def consensus(self, cases: Sequence[str], folder: Path) -> dict[str, Path]:
        """Make the consensus of each case and say where it is."""
        tasks = [
            _ConsensusTask(
                case_id=case_id,
                readers=tuple(each[case_id] for each in self.files.readers.values()),
                described=self.files.described,
                resample=self.settings.resample_reference,
                out=folder / f"{case_id}.nii.gz",
            )
            for case_id in cases
        ]
        made = self._done("making the consensus", CONSENSUS, _written, tasks)
        return {each.case_id: each.path for each in made if isinstance(each, _Written)}

    def score(
        self,
        first: str,
        predictions: Mapping[str, Path],
        second: str,
        references: Mapping[str, Path],
        cases: Sequence[str],
    ) -> None:
        """Score the cases that both have."""
        tasks = [
            CaseTask(
                files=CaseFiles(
                    case_id=case_id,
                    prediction=predictions[case_id],
                    reference=references[case_id],
                ),
                described=self.files.described,
                has_ct=False,
                tolerance_mm=self.settings.tolerance.mm,
                resample_reference=self.settings.resample_reference,
                lesions=self.settings.lesion_rules,
                needs_hash=False,
                is_by_reader=first in self.files.readers,
            )
            for case_id in cases
            if case_id in predictions and case_id in references
        ]
        title = f"{first} against {second}"
        done = self._done(f"scoring {title}", title, scored_or_failed, tasks)
        self.scores[first, second] = {
            each.scores.case_id: each.scores
            for each in done
            if isinstance(each, ScoredCase)
        }

    def _done(
        self,
        stage: str,
        title: str,
        function: Callable[..., object],
        tasks: Sequence[CaseTask] | Sequence[_ConsensusTask],
    ) -> list[object]:
        """What the tasks gave, in no particular order; failures are noted."""
        done: list[object] = []
        workers = min(self.settings.workers or 1, len(tasks) or 1)
        results = each_result(function, list(tasks), workers)
        with closing(results):
            for result in results:
                done.append(_died(result.task) if isinstance(result, Died) else result)
                step = Progress(stage=stage, done=len(done), total=len(tasks))
                self.on_progress(step)
        failed = [each for each in done if isinstance(each, FailedCase)]
        self.failures.extend(_sentences(title, failed))
        return done


def _written(task: _ConsensusTask) -> _Written | FailedCase:
    """Write the consensus of a case, or say why there is none."""
    try:
        labels = all_labels_of(task.described)
        maps = [read_segmentation(path, labels) for path in task.readers]
        grid = maps[0].geometry
        if task.resample:
            maps = [
                each
                if each.geometry.is_same_grid(grid)
                else resample_nearest(each, grid)
                for each in maps
            ]
        regions = task.described.regions if task.described else ()
        write_segmentation(majority_of(maps, regions), task.out)
    except MedSegError as error:
        return FailedCase(
            case_id=task.case_id, code=error.code, what=error.what, message=str(error)
        )
    return _Written(task.case_id, task.out)


def _died(task: CaseTask | _ConsensusTask) -> FailedCase:
    if isinstance(task, CaseTask):
        return died_case(task)
    what = "the process that read it was killed or crashed, twice"
    return FailedCase(
        case_id=task.case_id, code=ErrorCode.WORKER_DIED, what=what, message=what
    )


def _sentences(title: str, failed: Sequence[FailedCase]) -> Iterator[str]:
    if failed:
        first = min(failed, key=lambda each: each.case_id)
        cases = "1 case" if len(failed) == 1 else f"{len(failed)} cases"
        yield f"{title}: {cases} not compared; {first.case_id}: {first.what}."
