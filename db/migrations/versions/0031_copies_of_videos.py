"""Copies of kept videos that people asked for, as work of a worker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0031"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "video_copy",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("recording_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", db.models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("done_s", sa.Double(), nullable=False),
        sa.Column("total_s", sa.Double(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("ticket", sa.String(length=32), nullable=True),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{table}_id"], [f"{table}.id"], name=op.f(f"fk_video_copy_{table}_id_{table}"), ondelete="CASCADE"
            )
            for table in ("recording", "account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_copy")),
    )
    for column in ("number", "recording_id", "account_id", "state"):
        op.create_index(f"ix_video_copy_{column}", "video_copy", [column], unique=False)
