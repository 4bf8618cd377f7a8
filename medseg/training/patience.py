"""When a training is over before its last step."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Patience:
    """The best pseudo-Dice so far, and how long it has not been beaten.

    Attributes:
        best: Mean over the structures.
        waited: Checkpoints since then.
    """

    best: float = -1.0
    waited: int = 0

    def after(self, dice: float | None) -> "Patience":
        """What is known after one more checkpoint; one without a Dice counts, too."""
        if dice is not None and dice > self.best:
            return Patience(best=dice)
        return Patience(best=self.best, waited=self.waited + 1)

    def is_over(self, allowed: int) -> bool:
        """Whether to stop, where so many checkpoints may be waited; 0 never ends."""
        return 0 < allowed <= self.waited
