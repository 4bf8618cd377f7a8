"""Which cases are held out."""

from collections.abc import Sequence

import numpy as np

FOLD_COUNT = 5
_SEED = 12345


def five_folds(case_ids: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Held-out case ids of each of five folds.

    The split that nnU-Net and most papers on the decathlon use:
    `sklearn.model_selection.KFold(5, shuffle=True, random_state=12345)` on the sorted
    ids.

    Raises:
        ValueError: With fewer cases than folds.
    """
    ids = sorted(case_ids)
    if len(ids) < FOLD_COUNT:
        raise ValueError(f"{len(ids)} cases cannot make {FOLD_COUNT} folds")
    order = np.arange(len(ids))
    np.random.RandomState(_SEED).shuffle(order)
    return tuple(
        tuple(ids[index] for index in sorted(part))
        for part in np.array_split(order, FOLD_COUNT)
    )
