"""Which master key a clinic's files and second steps are sealed with, so that a lost or wrong key is detected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    with op.batch_alter_table("installation") as installation:
        installation.add_column(sa.Column("key_id", sa.String(length=32), nullable=True))
