"""How much each mouth moved, so that a recording's moving and still parts can be separated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    with op.batch_alter_table("sample") as sample:
        sample.add_column(sa.Column("mouth_change", sa.Double(), nullable=True))
