"""What is told about a case without the names of its files."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice

from medseg.cohort.listing.case_names import shown
from medseg.core.cohort import CohortCase
from medseg.core.error_guide import ERROR_GUIDE
from medseg.io.file_kinds import files_below

_HIDDEN = "…"
_SHORTEST = 3
_FILES = 20_000


def without_names(text: str, case: CohortCase) -> str:
    """A text with the names of the case's files and folders hidden.

    Folders are often named after patients, and errors quote what lies in them. A name
    that is one of the words errors are made of ("scan", "tilt") says nothing of anybody
    and stays, as the text could not be understood without it.

    Args:
        text: In words.
        case: Whose files it may quote.
    """
    names = sorted({*_names_of(case)}, key=len, reverse=True)
    told = [
        name
        for name in names
        if len(name) >= _SHORTEST
        and not name.isdigit()
        and name.lower() not in _words_of_errors()
    ]
    for name in told:
        if name in text:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", _HIDDEN, text)
    return shown(re.sub(rf"(?:{_HIDDEN}/)+", "", text))


@cache
def _words_of_errors() -> frozenset[str]:
    texts = [
        f"{code} {said.meaning} {said.remedy}" for code, said in ERROR_GUIDE.items()
    ]
    return frozenset(re.findall(r"[a-z]+", " ".join(texts).lower().replace("_", " ")))


def _names_of(case: CohortCase) -> Iterator[str]:
    places = [*case.images, *([case.reference] if case.reference else [])]
    for path in places:
        yield from path.absolute().parts[1:]
        if path.is_dir():
            for file in islice(files_below(path), _FILES):
                yield from file.relative_to(path).parts
