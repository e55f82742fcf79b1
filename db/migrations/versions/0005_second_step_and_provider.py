"""A second step at the sign-in, and accounts that sign in at another provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    with op.batch_alter_table("sign_in") as sign_in:
        sign_in.add_column(sa.Column("pending", sa.Boolean(), nullable=False, server_default=sa.false()))
        sign_in.add_column(sa.Column("by_provider", sa.Boolean(), nullable=False, server_default=sa.false()))
    _add_second_step()
    _add_provider()


def _add_second_step() -> None:
    op.create_table(
        "second_step",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("secret", sa.String(length=400), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("on_since", db.models.UtcDateTime(timezone=True), nullable=True),
        _of_account("second_step"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_second_step")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("code_sha256", sa.String(length=64), nullable=False),
        _of_account("recovery_code"),
        sa.PrimaryKeyConstraint("account_id", "code_sha256", name=op.f("pk_recovery_code")),
    )


def _add_provider() -> None:
    op.create_table(
        "provider_identity",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=True),
        _of_account("provider_identity"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_provider_identity")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_provider_identity_issuer")),
        sa.UniqueConstraint("issuer", "email", name="uq_provider_identity_email"),
    )
    op.create_table(
        "provider_attempt",
        sa.Column("state_sha256", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.String(length=128), nullable=False),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f("pk_provider_attempt")),
    )
    op.create_index("ix_provider_attempt_created_at", "provider_attempt", ["created_at"], unique=False)


def _of_account(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["account_id"], ["account.id"], name=op.f(f"fk_{table}_account_id_account"), ondelete="CASCADE"
    )
