"""Arrays of scores -> estimates, comparisons, rankings: no files, no tables."""
