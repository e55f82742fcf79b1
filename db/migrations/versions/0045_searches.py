"""Searches for hyper-parameters: runs that belong together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.add_column("training", sa.Column("search_id", sa.String(length=32), nullable=True))
    op.create_index(op.f("ix_training_search_id"), "training", ["search_id"])
