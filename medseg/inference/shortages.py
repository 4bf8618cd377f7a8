"""What memory did not suffice for, kept from one scan to the next."""

from collections.abc import Sequence

from medseg.inference.accumulators import Place


class Shortages:
    """What scans found no memory for, so that scans as large begin without it.

    A smaller scan leaves more memory to the network, and to the sums; it is tried anew.
    """

    def __init__(self) -> None:
        self._windows: list[tuple[int, int]] = []
        self._full: list[tuple[int, Place]] = []

    def too_many_windows(self, scan_bytes: int, left: int) -> None:
        """So many windows at once are left to a scan that takes so much memory."""
        self._windows.append((scan_bytes, left))

    def no_room(self, scan_bytes: int, place: Place) -> None:
        """A place has no room for the sums of a scan that takes so much memory."""
        self._full.append((scan_bytes, place))

    def windows_at_once(self, scan_bytes: int, most: int) -> int:
        """How many windows a scan begins with; `most` if nothing is known."""
        known = (left for smaller, left in self._windows if smaller <= scan_bytes)
        return min([most, *known])

    def places(self, scan_bytes: int, places: Sequence[Place]) -> tuple[Place, ...]:
        """Where the sums of a scan may have room; all places if none is left."""
        full = {place for smaller, place in self._full if smaller <= scan_bytes}
        return tuple(place for place in places if place not in full) or tuple(places)
