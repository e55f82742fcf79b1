"""Tokens by which a program acts for an account, and the patients for whom each does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("used_at", db.models.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_api_token_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_api_token_token_sha256")),
    )
    op.create_index("ix_api_token_number", "api_token", ["number"], unique=False)
    op.create_index("ix_api_token_account_id", "api_token", ["account_id"], unique=False)
    op.create_table(
        "api_token_patient",
        sa.Column("token_id", sa.String(length=32), nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"],
                [f"{table}.id"],
                name=op.f(f"fk_api_token_patient_{name}_id_{table}"),
                ondelete="CASCADE",
            )
            for name, table in (("token", "api_token"), ("patient", "patient"))
        ),
        sa.PrimaryKeyConstraint("token_id", "patient_id", name=op.f("pk_api_token_patient")),
    )
    op.create_index("ix_api_token_patient_patient_id", "api_token_patient", ["patient_id"], unique=False)
