"""An id for clinics of before there were ids: their audit's first row gives it, which no two of them have in common.

A restore of an older backup gives the same one again, so the clinic still knows its key folder.
"""

from __future__ import annotations

from alembic import op

revision = "0058"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.execute(
        "UPDATE installation SET clinic_id = (SELECT substr(sha256, 1, 32) FROM audit WHERE number = 1)"
        " WHERE clinic_id IS NULL"
    )
    op.execute(
        "INSERT INTO installation (id, zone_confirmed, clinic_id) SELECT 1, false, substr(sha256, 1, 32) FROM audit"
        " WHERE number = 1 AND NOT EXISTS (SELECT id FROM installation)"
    )
