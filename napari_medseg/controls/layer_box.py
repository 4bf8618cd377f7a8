"""A box to choose one layer of the viewer from."""

from collections.abc import Callable

from napari.components import LayerList
from napari.layers import Layer
from napari.utils.events import EventEmitter
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget

from napari_medseg.layers.conversion import HELPER_KEY


def no_preference(_layer: Layer) -> int:
    """Ranks all layers alike."""
    return 0


class LayerBox(QComboBox):
    """Names of the layers of one kind, kept up to date.

    A layer is chosen for the user, the topmost that suits best, until the user chooses.

    Attributes:
        layer_changed: Another layer is chosen, or None.
    """

    layer_changed = Signal(object)

    def __init__(
        self,
        layers: LayerList,
        kind: type[Layer],
        *,
        rank: Callable[[Layer], int] = no_preference,
        none_text: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """A box over `layers`.

        Args:
            layers: The viewer's.
            kind: Class of the layers offered.
            rank: Says how well a layer suits, more for better.
            none_text: Text of a first entry for no layer; left out when empty.
            parent: Owner.
        """
        super().__init__(parent)
        self._layers = layers
        self._kind = kind
        self._rank = rank
        self._none_text = none_text
        self._by_user = False
        self._last: Layer | None = None
        self._followed: tuple[EventEmitter, ...] = ()
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(policy)
        self.setMinimumContentsLength(12)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.activated.connect(self._on_activated)
        self.currentIndexChanged.connect(self._on_index_changed)
        self.refresh()

    def layer(self) -> Layer | None:
        """The layer chosen."""
        chosen = self.currentData()
        return chosen if isinstance(chosen, Layer) else None

    def choose(self, layer: Layer) -> None:
        """Choose a layer as the user would."""
        self._by_user = True
        self.setCurrentIndex(self._index_of(layer))

    def disconnect_layers(self) -> None:
        """Listen to the viewer no more."""
        self._follow(())

    def _follow(self, events: tuple[EventEmitter, ...]) -> None:
        """Listen to these and no others: not to layers that were removed."""
        for event in self._followed:
            event.disconnect(self._on_layers_changed)
        for event in events:
            event.connect(self._on_layers_changed)
        self._followed = events

    def _events(self) -> tuple[EventEmitter, ...]:
        events = self._layers.events
        names = (layer.events.name for layer in self._layers)
        return events.inserted, events.removed, events.reordered, *names

    def refresh(self) -> None:
        """Offer the layers there are; choose again unless the user has chosen."""
        self._follow(self._events())
        offered = [layer for layer in self._layers if self._is_offered(layer)]
        wanted = self.layer()
        if wanted not in offered or not self._by_user:
            self._by_user = False
            wanted = self._best_of(offered)
        blocked = self.blockSignals(True)
        self.clear()
        if self._none_text:
            self.addItem(self._none_text, None)
        for layer in reversed(offered):
            self.addItem(layer.name, layer)
        self.setCurrentIndex(self._index_of(wanted))
        self.blockSignals(blocked)
        self._on_index_changed()

    def _is_offered(self, layer: Layer) -> bool:
        return isinstance(layer, self._kind) and HELPER_KEY not in layer.metadata

    def _best_of(self, offered: list[Layer]) -> Layer | None:
        if self._none_text or not offered:
            return None
        return max(reversed(offered), key=self._rank)

    def _index_of(self, layer: Layer | None) -> int:
        for index in range(self.count()):
            if self.itemData(index) is layer:
                return index
        return min(0, self.count() - 1)

    def _on_activated(self, _index: int) -> None:
        self._by_user = True

    def _on_layers_changed(self, _event: object = None) -> None:
        self.refresh()

    def _on_index_changed(self, _index: int = -1) -> None:
        if self.layer() is not self._last:
            self._last = self.layer()
            self.layer_changed.emit(self._last)
