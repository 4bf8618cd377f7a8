"""How a patient is seen: planes, window and level, linked views, the status line."""
