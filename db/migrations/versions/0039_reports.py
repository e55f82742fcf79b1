"""Reports that people asked for, as work of a worker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0039"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "report_job",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=True),
        sa.Column("seen", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", db.models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("ticket", sa.String(length=32), nullable=True),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{table}_id"], [f"{table}.id"], name=op.f(f"fk_report_job_{table}_id_{table}"), ondelete="CASCADE"
            )
            for table in ("patient", "account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_job")),
    )
    for column in ("number", "patient_id", "account_id", "state"):
        op.create_index(f"ix_report_job_{column}", "report_job", [column], unique=False)
