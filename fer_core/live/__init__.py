"""A camera looked at live: the faces before it, the expression of the one that was chosen, and a page for it."""
