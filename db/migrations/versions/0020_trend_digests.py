"""Each patient's trend in short, and the indexes by which the caseload counts recordings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "trend_digest",
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        sa.Column("method", sa.Integer(), nullable=False),
        sa.Column("recordings", sa.Integer(), nullable=False),
        sa.Column("numbers", sa.BigInteger(), nullable=False),
        sa.Column("revisions", sa.BigInteger(), nullable=False),
        sa.Column("outside", sa.Boolean(), nullable=False),
        sa.Column("line", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_trend_digest_patient_id_patient"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_trend_digest")),
    )
    op.create_index("ix_recording_listed", "recording", ["patient_id", "current", "recorded_on"])
    op.create_index(
        "ix_recording_in_trend",
        "recording",
        ["patient_id", "number", "revision"],
        sqlite_where=sa.text("current = 1 AND summary IS NOT NULL"),
        postgresql_where=sa.text("current AND summary IS NOT NULL"),
    )
