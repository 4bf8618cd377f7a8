"""Tables and a page about all that was done."""
