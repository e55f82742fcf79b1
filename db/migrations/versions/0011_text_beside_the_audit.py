"""What people type for an action of the audit is stored beside the chain, where it is deleted with the patient."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "audit_text",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["audit.number"], name=op.f("fk_audit_text_number_audit")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_audit_text_patient_id_patient"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_text")),
    )
    op.create_index("ix_audit_text_patient_id", "audit_text", ["patient_id"], unique=False)
