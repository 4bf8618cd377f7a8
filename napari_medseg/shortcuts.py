"""The keys of this plugin that are neither napari's nor a viewer's."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """A key and what it does.

    Attributes:
        keys: As Qt writes them; Ctrl is Cmd on a Mac.
        does: What, in the words of a menu.
    """

    keys: str
    does: str

    def tip(self, text: str) -> str:
        """A tooltip that names the key too."""
        return f"{text} ({self.keys})"


NEXT_CASE = Shortcut(keys="Ctrl+PgDown", does="Cohort review: next case")
PREVIOUS_CASE = Shortcut(keys="Ctrl+PgUp", does="Cohort review: previous case")
ACCEPT_CASE = Shortcut(keys="Ctrl+Shift+Y", does="Cohort review: accept, or not")
REJECT_CASE = Shortcut(keys="Ctrl+Shift+N", does="Cohort review: reject, or not")
SAVE_SESSION = Shortcut(keys="Ctrl+Alt+W", does="Save the session")
UNDO_CORRECTION = Shortcut(keys="Ctrl+Alt+Z", does="Correct: undo a correction")
REDO_CORRECTION = Shortcut(keys="Ctrl+Alt+Shift+Z", does="Correct: redo a correction")

SHORTCUTS = (
    NEXT_CASE,
    PREVIOUS_CASE,
    ACCEPT_CASE,
    REJECT_CASE,
    SAVE_SESSION,
    UNDO_CORRECTION,
    REDO_CORRECTION,
)
