"""The journal: only whole lines count, and nothing is ever lost."""

from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg.cohort.folder.journal import (
    Begun,
    Done,
    Failed,
    Requeued,
    Started,
    WrittenFile,
    latest_of,
    open_journal,
    read_events,
)
from medseg.cohort.stages import StageSeconds
from medseg.core.errors import ErrorCode

TIMES = st.floats(0, 4e9)
NAMES = st.text(min_size=1, max_size=8)
FILES = st.tuples(NAMES, st.integers(0, 2**40), NAMES)
SECONDS = st.tuples(TIMES, TIMES, TIMES)
CODES = st.sampled_from(ErrorCode)
DRAWN = st.one_of(
    st.tuples(st.just("begun"), TIMES, NAMES, st.integers(1, 10**6), NAMES),
    st.tuples(st.just("started"), TIMES, NAMES),
    st.tuples(st.just("requeued"), TIMES, NAMES),
    st.tuples(
        st.just("done"), TIMES, NAMES, NAMES, st.lists(FILES, max_size=3), SECONDS
    ),
    st.tuples(st.just("failed"), TIMES, NAMES, NAMES, CODES, NAMES, NAMES),
)


def event_of(drawn):
    """Built in the test: the type checker of the tests draws random numbers itself."""
    match drawn:
        case ("begun", time_s, host, count, version):
            return Begun(
                time_s=time_s, host=host, pid=count, cases=count, version=version
            )
        case ("started", time_s, case_id):
            return Started(time_s=time_s, case_id=case_id)
        case ("requeued", time_s, case_id):
            return Requeued(time_s=time_s, case_id=case_id)
        case ("done", time_s, case_id, key, files, (reading, computing, writing)):
            return Done(
                time_s=time_s,
                case_id=case_id,
                key=key,
                made_with=key[::-1],
                files=tuple(
                    WrittenFile(name=name, size_bytes=size, sha256=sha256)
                    for name, size, sha256 in files
                ),
                seconds=StageSeconds(
                    reading=reading, computing=computing, writing=writing
                ),
            )
        case (_, time_s, case_id, key, code, what, remedy):
            return Failed(
                time_s=time_s,
                case_id=case_id,
                key=key,
                code=code,
                what=what,
                remedy=remedy,
            )


def as_read(events):
    """With times that never fall: a clock may be set back."""
    times = accumulate((event.time_s for event in events), max)
    return [
        replace(event, time_s=time_s)
        for event, time_s in zip(events, times, strict=True)
    ]


@given(st.lists(DRAWN, max_size=6))
def test_what_is_written_is_read_again(tmp_path_factory, drawn):
    events = [event_of(each) for each in drawn]
    path = tmp_path_factory.mktemp("j") / "journal.jsonl"
    with open_journal(path) as journal:
        journal.add(*events[:2])
        journal.add(*events[2:])

    assert read_events([path]) == as_read(events)


@given(st.lists(DRAWN, min_size=1, max_size=5), st.floats(0, 1))
def test_of_a_journal_cut_anywhere_the_whole_lines_are_left(
    tmp_path_factory, drawn, share
):
    events = [event_of(each) for each in drawn]
    path = tmp_path_factory.mktemp("j") / "journal.jsonl"
    with open_journal(path) as journal:
        journal.add(*events)
    content = path.read_bytes()
    length = round(share * len(content))
    path.write_bytes(content[:length])
    whole = content[:length].count(b"\n")

    assert read_events([path]) == as_read(events[:whole])
    with open_journal(path) as journal:
        journal.add(events[0])
    assert read_events([path]) == as_read([*events[:whole], events[0]])


def test_the_latest_word_on_a_case_counts_whichever_journal_it_is_in(tmp_path):
    old = Failed(
        time_s=1.0,
        case_id="a",
        key="k",
        code=ErrorCode.NOT_FOUND,
        what="w",
        remedy="r",
    )
    new = Done(
        time_s=2.0,
        case_id="a",
        key="k",
        made_with="m",
        files=(),
        seconds=StageSeconds(),
    )
    for name, event in (("journal-1-of-2.jsonl", new), ("journal-2-of-2.jsonl", old)):
        with open_journal(tmp_path / name) as journal:
            journal.add(event)

    events = read_events(sorted(tmp_path.glob("*.jsonl")))

    assert latest_of(events) == {"a": new}


def test_a_clock_that_was_set_back_changes_no_order(tmp_path):
    done = Done(
        time_s=4.0,
        case_id="a",
        key="k",
        made_with="m",
        files=(),
        seconds=StageSeconds(),
    )
    with open_journal(tmp_path / "journal.jsonl") as journal:
        journal.add(Started(time_s=5.0, case_id="a"), done)

    events = read_events([tmp_path / "journal.jsonl"])

    assert latest_of(events) == {"a": replace(done, time_s=5.0)}


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "journal.jsonl"
    started = Started(time_s=1.0, case_id="a")
    with open_journal(path) as journal:
        journal.add(started)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 9, limits[1]))
        try:
            with pytest.raises(Exception, match="DISK_FULL"):
                journal.add(Started(time_s=2.0, case_id="b"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert read_events([path]) == [started]
        journal.add(Started(time_s=3.0, case_id="c"))

    assert read_events([path]) == [started, Started(time_s=3.0, case_id="c")]
