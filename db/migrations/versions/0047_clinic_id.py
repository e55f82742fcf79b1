"""An id for the clinic, which also stands in its key folder, so that two clinics do not share one unnoticed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.add_column("installation", sa.Column("clinic_id", sa.String(length=32), nullable=True))
