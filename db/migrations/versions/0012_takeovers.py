"""Caseloads that wait to be handed over, and how far each account has read what administrators did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "hand_over_request",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("giver_id", sa.String(length=32), nullable=False),
        sa.Column("taker_id", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [name], ["account.id"], name=op.f(f"fk_hand_over_request_{name}_account"), ondelete="CASCADE"
            )
            for name in ("giver_id", "taker_id", "asked_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_over_request")),
        sa.UniqueConstraint("giver_id", name=op.f("uq_hand_over_request_giver_id")),
    )
    op.create_index("ix_audit_deed", "audit", ["deed"], unique=False)
    with op.batch_alter_table("account") as account:
        account.add_column(sa.Column("told", sa.Integer(), nullable=False, server_default="0"))
    # Earlier actions are not shown now.
    op.execute("UPDATE account SET told = (SELECT coalesce(max(number), 0) FROM audit)")
