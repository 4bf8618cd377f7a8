"""What the figures in every table mean; printed wherever they are."""

RESEARCH_ONLY = "Research use only. Not a medical device."

DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "Dice",
        "2 |A and B| / (|A| + |B|), with A the voxels of the prediction and B those of "
        "the reference (Dice, 1945). 1 is perfect, 0 no overlap.",
    ),
    (
        "IoU",
        "|A and B| / |A or B|, also called Jaccard index (Jaccard, 1912). "
        "It equals Dice / (2 - Dice).",
    ),
    (
        "Volume",
        "Number of voxels times the volume of one voxel, in millilitres. Small "
        "structures lose much Dice by a thin error: read the two together.",
    ),
    (
        "State",
        "both_present: both masks have voxels. prediction_empty (missed) and "
        "reference_empty (spurious): only one has, Dice and IoU are 0 and count in "
        "every mean. both_empty (absent): neither has, there is no Dice and the row is "
        "left out of the means.",
    ),
    (
        "HU",
        "Mean, standard deviation (divided by n) and median of the CT in Hounsfield "
        "units over the voxels of the prediction.",
    ),
    (
        "Means",
        "Each structure is averaged over the cases first, then the structures are "
        "averaged, each counting the same. n is the number of values in a mean.",
    ),
    (
        "Grids",
        "Prediction and reference are compared voxel by voxel and only when their "
        "grids put every corner within 0.001 mm of each other.",
    ),
)
