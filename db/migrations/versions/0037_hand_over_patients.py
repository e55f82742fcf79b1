"""The patients whom a request to hand over names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "hand_over_patient",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"],
                [f"{table}.id"],
                name=op.f(f"fk_hand_over_patient_{name}_id_{table}"),
                ondelete="CASCADE",
            )
            for name, table in (("request", "hand_over_request"), ("patient", "patient"))
        ),
        sa.PrimaryKeyConstraint("request_id", "patient_id", name=op.f("pk_hand_over_patient")),
    )
    op.create_index("ix_hand_over_patient_patient_id", "hand_over_patient", ["patient_id"], unique=False)
    # Nothing says whom an open request was made for, so it has to be made again.
    op.execute("DELETE FROM hand_over_request")
    with op.batch_alter_table("hand_over_request") as request:
        request.add_column(sa.Column("patients", sa.Integer(), nullable=False))
