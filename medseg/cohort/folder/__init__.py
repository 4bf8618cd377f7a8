"""What lies in the folder of a cohort: where, since when, made with what."""
