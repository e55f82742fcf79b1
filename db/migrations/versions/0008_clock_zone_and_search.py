"""Rows numbered in the order in which they were written, the clinic's zone, and text to search patients by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models
from db.folding import search_key

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBERED = {
    "account": "created_at",
    "patient": "created_at",
    "consent": "recorded_at",
    "recording": "created_at",
    "reanalysis": "created_at",
    "job": "created_at",
}
"""The tables that get a number, with the instant that says the order of the rows so far."""


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("zone_confirmed", sa.Boolean(), nullable=False),
        sa.Column("clock_jump_s", sa.Double(), nullable=True),
        sa.Column("clock_jumped_at", db.models.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    for name, instant in NUMBERED.items():
        _number(name, instant)
    with op.batch_alter_table("second_step") as second_step:
        second_step.add_column(sa.Column("steps_ahead", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("patient") as patient:
        patient.add_column(sa.Column("search_key", sa.Text(), nullable=False, server_default=""))
    _fill_search_keys()


def _number(name: str, instant: str) -> None:
    with op.batch_alter_table(name) as changed:
        changed.add_column(sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
    rows = sa.table(name, sa.column("id"), sa.column(instant), sa.column("number"))
    order = sa.func.row_number().over(order_by=[rows.c[instant], rows.c.id]).label("place")
    placed = sa.select(rows.c.id, order).subquery()
    op.execute(rows.update().values(number=placed.c.place).where(rows.c.id == placed.c.id))
    op.create_index(op.f(f"ix_{name}_number"), name, ["number"])


def _fill_search_keys() -> None:
    patients = sa.table("patient", *map(sa.column, ("id", "name", "note", "search_key")))
    found = op.get_bind().execute(sa.select(patients.c.id, patients.c.name, patients.c.note)).mappings().all()
    for row in found:
        changed = patients.update().where(patients.c.id == row["id"])
        op.execute(changed.values(search_key=search_key(dict(row))))
