"""A patient's code and day of birth, a recording's time of day, and a revision of each row that people edit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on. What is not known stays empty."""
    with op.batch_alter_table("patient") as patient:
        patient.add_column(sa.Column("code", sa.String(length=40), nullable=False, server_default=""))
        patient.add_column(sa.Column("born_on", sa.Date(), nullable=True))
        patient.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
        patient.add_column(sa.Column("consents_revision", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("recording") as recording:
        recording.add_column(sa.Column("recorded_time", sa.Time(), nullable=True))
        recording.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("account") as account:
        account.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
