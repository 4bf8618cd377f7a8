"""`python -m medseg`, for `torchrun` and machines without the script on the path."""

from medseg.cli import main

main()
