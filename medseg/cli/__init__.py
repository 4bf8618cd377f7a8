"""The `medseg` command: parse, call, print."""

from medseg.cli.app import main

__all__ = ["main"]
