"""When the sign-in began that a device's PIN gives back, so that it lasts no longer for being handed over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on; devices that are in patients' hands now give no sign-in back."""
    op.add_column("hand_over", sa.Column("signed_in_at", db.models.UtcDateTime(timezone=True), nullable=True))
