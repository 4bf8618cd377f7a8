"""The same work on the workers of a dask cluster."""
