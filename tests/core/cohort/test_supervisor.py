"""Tasks over processes that fail, crash and hang."""

import pytest

from medseg.cohort.stages import (
    Begun,
    Finished,
    GivenUp,
    Notice,
    Recipe,
    Refused,
    Stage,
)
from medseg.cohort.workers.supervisor import Limits, each_outcome
from medseg.core.errors import ErrorCode, MedSegError
from tests.core.cohort.workshop import (
    OPEN,
    BrokenRecipe,
    DeadRecipe,
    Fate,
    FaultyRecipe,
    FickleRecipe,
    Task,
    WorkshopRecipe,
    broken,
    dead,
    well,
)

GENEROUS_S = 10.0  # a good task takes milliseconds, however slow the machine
GOOD = [Task(f"good_{number}") for number in range(8)]


def never():
    return False


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def ends(outcomes):
    """What became of each task in the end."""
    found = {}
    for outcome in outcomes:
        if isinstance(outcome, Finished | Refused):
            assert outcome.task.name not in found
            found[outcome.task.name] = (
                outcome.result if isinstance(outcome, Finished) else outcome.error.code
            )
    return found


def run(folder, tasks, workers=1, should_stop=never, **limits):
    recipes = [WorkshopRecipe(folder)] * workers
    return each_outcome(recipes, tasks, Limits(**limits), should_stop)


def all_good(folder, *, once=True):
    """Whether every good task was done, and once.

    What was with a process that is replaced is begun anew, and may have been done by
    then: of such a task what is told counts, see `ends`.
    """
    lines = [(folder / task.name).read_text().splitlines() for task in GOOD]
    return all(set(each) == {"done"} and (len(each) == 1 or not once) for each in lines)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_is_done_once(folder, workers):
    found = ends(run(folder, GOOD, workers))

    assert found == {task.name: task.name.upper() for task in GOOD}
    assert all_good(folder)


@pytest.mark.parametrize("stage", Stage)
def test_a_task_that_raises_is_refused_and_costs_no_other(folder, stage):
    bad = [
        Task("refused", Fate.REFUSED, stage),
        Task("bug", Fate.BUG, stage),
    ]

    outcomes = list(run(folder, [*GOOD[:3], *bad, *GOOD[3:]]))

    found = ends(outcomes)
    assert found["refused"] is ErrorCode.TRUNCATED_FILE
    assert found["bug"] is ErrorCode.UNFORESEEN
    assert [found[task.name] for task in GOOD] == [task.name.upper() for task in GOOD]
    assert all_good(folder, once=stage is not Stage.COMPUTING)
    (bug,) = (o for o in outcomes if isinstance(o, Refused) and o.task.name == "bug")
    assert "ZeroDivisionError: a bug, at try" in bug.traceback


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_that_crashes_its_process_is_found_and_costs_no_other(
    folder, workers, stage
):
    crash = Task("crash", Fate.CRASH, stage)

    found = ends(run(folder, [*GOOD[:3], crash, *GOOD[3:]], workers))

    assert found.pop("crash") is ErrorCode.WORKER_DIED
    assert found == {task.name: task.name.upper() for task in GOOD}


def test_a_task_that_hangs_is_given_up_and_costs_no_other(folder):
    hang = Task("hang", Fate.HANG)

    found = ends(run(folder, [*GOOD[:3], hang, *GOOD[3:]], time_limit_s=GENEROUS_S))

    assert found.pop("hang") is ErrorCode.TIMED_OUT
    assert found == {task.name: task.name.upper() for task in GOOD}


def begun(outcomes, name):
    return sum(isinstance(o, Begun) and o.task.name == name for o in outcomes)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_that_spoils_its_process_for_those_after_it_costs_no_other(
    folder, workers
):
    spoils = Task("spoils", Fate.SPOILS, Stage.COMPUTING)

    outcomes = list(run(folder, [*GOOD[:3], spoils, *GOOD[3:]], workers))

    found = ends(outcomes)
    assert found.pop("spoils") is ErrorCode.UNFORESEEN
    assert found == {task.name: task.name.upper() for task in GOOD}
    assert begun(outcomes, "spoils") == 2


@pytest.mark.parametrize(
    ("fate", "stage"),
    [
        (Fate.SPOILS, Stage.COMPUTING),
        (Fate.BUG, Stage.COMPUTING),
        *((Fate.GREEDY, stage) for stage in Stage),
        *((Fate.TOO_LARGE, stage) for stage in Stage),
    ],
)
def test_a_task_that_fails_once_is_done_at_the_second_try(folder, fate, stage):
    once = Task("once", fate, stage, times=1)

    found = ends(run(folder, [once, *GOOD], memory_limit_bytes=2**30))

    assert found == {task.name: task.name.upper() for task in [once, *GOOD]}


def test_a_bug_in_computing_costs_two_tries_and_the_last_one_is_told(folder):
    tasks = [Task("bug", Fate.BUG, Stage.COMPUTING), *GOOD]

    outcomes = list(run(folder, tasks))

    (bug,) = (o for o in outcomes if isinstance(o, Refused))
    assert "a bug, at try 2" in bug.traceback
    assert begun(outcomes, "bug") == 2


def test_a_task_that_takes_too_much_memory_is_refused(folder):
    greedy = Task("greedy", Fate.GREEDY)

    found = ends(run(folder, [greedy, *GOOD], memory_limit_bytes=2**30))

    assert found.pop("greedy") is ErrorCode.OUT_OF_MEMORY
    assert found == {task.name: task.name.upper() for task in GOOD}
    assert all_good(folder, once=False)


def test_a_task_too_large_for_the_memory_is_tried_once_more_and_then_refused(folder):
    large = Task("large", Fate.TOO_LARGE, Stage.COMPUTING)

    outcomes = list(run(folder, [large, *GOOD]))

    found = ends(outcomes)
    assert found.pop("large") is ErrorCode.OUT_OF_MEMORY
    assert found == {task.name: task.name.upper() for task in GOOD}
    assert begun(outcomes, "large") == 2


def test_an_engine_that_cannot_be_loaded_ends_the_work_with_its_error():
    with pytest.raises(MedSegError) as raised:
        list(each_outcome([BrokenRecipe()], GOOD, Limits(), never))

    assert raised.value.code is ErrorCode.UNKNOWN_MODEL


@pytest.mark.parametrize(
    ("recipes", "code"),
    [
        ([DeadRecipe()], ErrorCode.WORKER_DIED),
        ([DeadRecipe()] * 2, ErrorCode.WORKER_DIED),
        ([BrokenRecipe()] * 2, ErrorCode.UNKNOWN_MODEL),
        ([DeadRecipe(), BrokenRecipe()], ErrorCode.UNKNOWN_MODEL),
    ],
)
def test_work_ends_when_there_is_no_process_left_to_do_it(recipes, code):
    with pytest.raises(MedSegError) as raised:
        list(each_outcome(recipes, GOOD, Limits(), never))

    assert raised.value.code is code


@pytest.mark.parametrize("bad", [DeadRecipe(), BrokenRecipe()])
def test_a_process_that_cannot_start_is_left_out_and_the_others_go_on(folder, bad):
    """As of several GPUs one that is broken; the good one is busy until that is told.

    All that it was given waits with it, and what the other one was given comes back.
    """
    tasks = [Task("waits", Fate.WAITS), *GOOD]
    recipes = [WorkshopRecipe(folder), bad]
    outcomes = []
    limits = Limits(time_limit_s=10 * GENEROUS_S)
    for outcome in each_outcome(recipes, tasks, limits, never):
        outcomes.append(outcome)
        if isinstance(outcome, Notice):
            (folder / OPEN).touch()

    (notice,) = (o for o in outcomes if isinstance(o, Notice))
    assert "1 of 2 go on" in notice.text
    assert ends(outcomes) == {task.name: task.name.upper() for task in tasks}


def test_a_process_that_fails_with_what_others_then_do_is_left_out(folder):
    """As of several GPUs one that starts but cannot compute; no scan pays for it."""
    tasks = [Task("waits", Fate.WAITS), *GOOD]
    recipes: list[Recipe[Task, str]] = [WorkshopRecipe(folder), FaultyRecipe()]
    outcomes, given_up = [], set()
    limits = Limits(time_limit_s=10 * GENEROUS_S)
    for outcome in each_outcome(recipes, tasks, limits, never):
        outcomes.append(outcome)
        if isinstance(outcome, GivenUp):
            given_up.add(outcome.task.name)
        if len(given_up) == 3:
            (folder / OPEN).touch()

    (notice,) = (o for o in outcomes if isinstance(o, Notice))
    assert "1 of 2 go on" in notice.text
    assert ends(outcomes) == {task.name: task.name.upper() for task in tasks}


def test_bad_tasks_alone_make_no_process_bad(folder):
    bad = [Task(f"bad_{number}", Fate.SPOILS) for number in range(4)]
    outcomes = list(run(folder, [*bad, *GOOD], workers=2))

    assert not [o for o in outcomes if isinstance(o, Notice)]
    assert ends(outcomes) == {
        **{task.name: task.name.upper() for task in GOOD},
        **{task.name: ErrorCode.UNFORESEEN for task in bad},
    }


@pytest.mark.parametrize("hiccup", [broken, dead])
def test_a_process_that_cannot_be_started_again_is_tried_a_few_times(folder, hiccup):
    recipe = FickleRecipe(folder, (well, hiccup, hiccup))
    crash = Task("crash", Fate.CRASH, times=1)

    found = ends(each_outcome([recipe], [crash, *GOOD], Limits(), never))

    assert found == {task.name: task.name.upper() for task in [crash, *GOOD]}


def test_a_process_that_can_never_be_started_again_ends_the_work(folder):
    recipe = FickleRecipe(folder, (well, broken, broken, broken))
    tasks = [Task("crash", Fate.CRASH), *GOOD]

    with pytest.raises(MedSegError) as raised:
        list(each_outcome([recipe], tasks, Limits(), never))

    assert raised.value.code is ErrorCode.UNKNOWN_MODEL


def test_what_runs_may_end_when_all_is_to_stop_and_nothing_new_begins(folder):
    asked = iter([False])

    outcomes = list(run(folder, GOOD, should_stop=lambda: next(asked, True)))

    begun = {o.task.name for o in outcomes if isinstance(o, Begun)}
    done = {o.task.name for o in outcomes if isinstance(o, Finished)}
    assert begun == done
    assert len(done) < len(GOOD)


def test_what_does_not_end_in_time_is_given_up_when_all_is_to_stop(folder):
    begun: list[object] = []

    def should_stop():
        return bool(begun)

    outcomes = []
    tasks = [Task("hang", Fate.HANG), *GOOD]
    for outcome in run(folder, tasks, should_stop=should_stop, grace_s=0.5):
        outcomes.append(outcome)
        begun.append(outcome)

    given_up = {o.task.name for o in outcomes if isinstance(o, GivenUp)}
    assert "hang" in given_up
