"""The frame around the pages: shell, composition root, charts, widgets."""
