"""Tasks over a process that hangs, for a parent that is to be killed.

python -m tests.core.cohort.orphaned_run FOLDER
"""

import sys
from pathlib import Path

from medseg.cohort.workers.supervisor import Limits, each_outcome
from tests.core.cohort.workshop import Fate, Task, WorkshopRecipe

if __name__ == "__main__":
    recipe = WorkshopRecipe(Path(sys.argv[1]))
    list(each_outcome([recipe], [Task("freeze", Fate.FREEZE)], Limits(), lambda: False))
