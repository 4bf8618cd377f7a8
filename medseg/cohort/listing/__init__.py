"""The list of cases: found in folders, read from tables, checked."""
