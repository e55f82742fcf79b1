"""Python's collector of garbage, which Streamlit starts after each run of a page and of a part of one."""

from __future__ import annotations

import gc


def pass_over_program() -> None:
    """Let the collector pass over what is there now: modules and classes, which stay.

    Every open window lets a part of its page run each 3 s, and to look at the whole program took 0.1 CPU-s each time.
    To be called before anybody's data is read, because what is passed over is never freed.
    """
    gc.collect()
    gc.freeze()
