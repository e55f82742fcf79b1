"""A number for each visit of a patient that is never given twice, and a revision of who sees a patient."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on: visits so far are numbered in the order in which they came in."""
    with op.batch_alter_table("patient") as patient:
        patient.add_column(sa.Column("visits", sa.Integer(), nullable=False, server_default="0"))
        patient.add_column(sa.Column("sharing_revision", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("recording") as recording:
        recording.add_column(sa.Column("visit_number", sa.Integer(), nullable=False, server_default="0"))
    _number_visits()
    _count_visits()


def _number_visits() -> None:
    rows = sa.table("recording", *map(sa.column, ("id", "patient_id", "version_of", "number", "visit_number")))
    order = sa.func.row_number().over(partition_by=rows.c.patient_id, order_by=[rows.c.number, rows.c.id])
    placed = sa.select(rows.c.id, order.label("place")).where(rows.c.version_of.is_(None)).subquery()
    # All results of a visit have its number.
    visit_id = sa.func.coalesce(rows.c.version_of, rows.c.id)
    op.execute(rows.update().values(visit_number=placed.c.place).where(visit_id == placed.c.id))


def _count_visits() -> None:
    patients = sa.table("patient", sa.column("id"), sa.column("visits"))
    rows = sa.table("recording", sa.column("patient_id"), sa.column("visit_number"))
    highest = sa.select(rows.c.patient_id, sa.func.max(rows.c.visit_number).label("highest"))
    counted = highest.group_by(rows.c.patient_id).subquery()
    op.execute(patients.update().values(visits=counted.c.highest).where(patients.c.id == counted.c.patient_id))
