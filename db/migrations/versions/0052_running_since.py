"""Until when the program ran without long pauses, so that pauses that add up are noticed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0052"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.add_column("installation", sa.Column("ran_until", db.models.UtcDateTime(timezone=True), nullable=True))
