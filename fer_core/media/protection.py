"""A decoder's confinement, as the process itself reports it before it reads the first byte."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Protection:
    """What a process gave up: `limits` of memory and time; rights by Landlock (its version, 0: none) and by seccomp on
    Linux, by the system's own sandbox on macOS (`seatbelt`)."""

    limits: bool = False
    landlock: int = 0
    seccomp: bool = False
    seatbelt: bool = False

    @property
    def whole(self) -> bool:
        """Whether neither files, network nor other programs can be reached, each kept off by the system."""
        return self.seatbelt or (self.landlock > 0 and self.seccomp)
