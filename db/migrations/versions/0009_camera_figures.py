"""How sharp and how light each face was, and the codec of each video, so that a change of camera is detected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    with op.batch_alter_table("sample") as sample:
        sample.add_column(sa.Column("sharpness", sa.Double(), nullable=True))
        sample.add_column(sa.Column("brightness", sa.Double(), nullable=True))
    with op.batch_alter_table("recording") as recording:
        recording.add_column(sa.Column("codec", sa.String(length=32), nullable=True))
