"""How far a report is, as its worker says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.add_column("report_job", sa.Column("share", sa.Double(), nullable=False, server_default="0"))
