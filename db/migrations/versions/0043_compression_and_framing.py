"""How compressed each recording is, so that a change is detected, and how much labels depend on the framing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    with op.batch_alter_table("sample") as sample:
        sample.add_column(sa.Column("framing_kept", sa.Double(), nullable=True))
    with op.batch_alter_table("recording") as recording:
        recording.add_column(sa.Column("bits_per_pixel", sa.Double(), nullable=True))
