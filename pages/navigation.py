"""Which pages there are, and which roles see which of them."""

from __future__ import annotations

from dataclasses import dataclass

from clinic.access import Role
from pages import links

EVERYBODY = frozenset(Role)
WRITERS = frozenset({Role.ADMINISTRATOR, Role.CLINICIAN})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page: its script as the shell names it, its title and icon, its path, and who sees it."""

    script: str
    title: str
    icon: str
    path: str
    roles: frozenset[Role]


PLACES = (
    PageEntry(links.CASELOAD, "Caseload", ":material/groups:", "caseload", EVERYBODY),
    PageEntry(links.RECORD, "New recording", ":material/videocam:", "record", WRITERS),
    PageEntry(links.LIVE, "Live view", ":material/camera_video:", "live", WRITERS),
    PageEntry(links.PATIENT, "Patient", ":material/person:", "patient", EVERYBODY),
    PageEntry(links.RECORDING, "Recording", ":material/play_circle:", "recording", EVERYBODY),
    PageEntry(links.ACTIVITY, "Analyses", ":material/pending_actions:", "activity", EVERYBODY),
    PageEntry(links.MODEL, "Model", ":material/fact_check:", "model", EVERYBODY),
    PageEntry(links.TRAINING, "Training", ":material/model_training:", "training", ADMINISTRATORS),
    PageEntry(links.ACCOUNTS, "Accounts", ":material/manage_accounts:", "accounts", ADMINISTRATORS),
)
"""In the order of the navigation; the first one is where everybody begins."""


def places_of(role: Role) -> list[PageEntry]:
    """Return the pages of a role. A page that is not among them does not run."""
    return [place for place in PLACES if role in place.roles]
