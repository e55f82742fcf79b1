"""In which zone a recording's time of day is, and when retention last looked for what is to be deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on; of the times that are stored nobody knows whether the zone was changed since."""
    with op.batch_alter_table("recording") as recording:
        recording.add_column(sa.Column("recorded_zone", sa.String(length=64), nullable=True))
    with op.batch_alter_table("installation") as installation:
        installation.add_column(sa.Column("swept_at", db.models.UtcDateTime(timezone=True), nullable=True))
