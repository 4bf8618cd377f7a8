"""Makes nnunet_labels.npz: label maps that nnU-Net itself resampled.

Run it with nnU-Net 2.8.1 and batchgenerators 0.25.5 in an environment of its own:
python tests/core/preprocessing/make_nnunet_labels.py
"""

from pathlib import Path

import numpy as np
from nnunetv2.preprocessing.resampling.default_resampling import (
    resample_data_or_seg_to_shape,
)

FILE = Path(__file__).with_suffix("").with_name("nnunet_labels.npz")
UNIT, THICK = (1.0, 1.0, 1.0), (4.0, 1.0, 1.0)


def main() -> None:
    """Four structures that meet along a line, and chance, some of it outside (-1)."""
    rng = np.random.default_rng(0)
    _, j, k = np.indices((12, 12, 12))
    meeting = (1 + (j >= 6) + 2 * (k >= 6)).astype(np.int8)
    chance = [rng.integers(-1, 5, (9, 7, 8)).astype(np.int8) for _ in range(2)]
    cases = [
        *((meeting, (size,) * 3, UNIT) for size in (17, 18, 24, 6)),
        *((labels, (13, 14, 5), UNIT) for labels in chance),
        *((labels, (16, 12, 16), THICK) for labels in chance),
    ]
    content = {}
    for number, (labels, shape, spacing) in enumerate(cases):
        content[f"labels_{number}"] = labels
        content[f"spacing_{number}"] = np.array(spacing)
        content[f"resampled_{number}"] = resample_data_or_seg_to_shape(
            *(labels[None].copy(), shape, spacing, UNIT),
            is_seg=True,
            order=1,
            order_z=0,
            force_separate_z=None,
        )[0]
    np.savez_compressed(FILE, **content)


if __name__ == "__main__":
    main()
