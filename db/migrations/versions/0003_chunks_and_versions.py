"""Chunks, cursors, idempotency keys, and several versions of a recording's analysis."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "reanalysis",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=True),
        sa.Column("model_sha256", sa.String(length=64), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("without_file", sa.Integer(), nullable=False),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_reanalysis_patient_id_patient"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reanalysis")),
    )
    op.create_index("ix_reanalysis_patient_id", "reanalysis", ["patient_id"], unique=False)
    op.create_table(
        "chunk",
        sa.Column("recording_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("begin_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("worked_s", sa.Double(), nullable=False),
        sa.Column("lease_token", sa.Integer(), nullable=False),
        sa.Column("written_at", db.models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_chunk_recording_id_recording"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("recording_id", "number", name=op.f("pk_chunk")),
    )
    op.create_index("ix_chunk_written_at", "chunk", ["written_at"], unique=False)
    _extend_recording()
    _extend_job()


def _extend_recording() -> None:
    with op.batch_alter_table("recording") as recording:
        recording.add_column(sa.Column("version_of", sa.String(length=32), nullable=True))
        recording.add_column(sa.Column("current", sa.Boolean(), nullable=False, server_default=sa.true()))
        recording.create_index("ix_recording_version_of", ["version_of"], unique=False)
        recording.create_foreign_key(
            op.f("fk_recording_version_of_recording"), "recording", ["version_of"], ["id"], ondelete="CASCADE"
        )


def _extend_job() -> None:
    with op.batch_alter_table("job") as job:
        job.add_column(sa.Column("key", sa.String(length=64), nullable=True))
        job.add_column(sa.Column("reanalysis_id", sa.String(length=32), nullable=True))
        job.add_column(sa.Column("not_before", db.models.UtcDateTime(timezone=True), nullable=True))
        job.add_column(sa.Column("worker", sa.String(length=100), nullable=False, server_default=""))
        job.add_column(sa.Column("cursor", sa.JSON(), nullable=True))
        job.add_column(sa.Column("resumed_s", sa.Double(), nullable=False, server_default="0"))
        job.create_index("ix_job_reanalysis_id", ["reanalysis_id"], unique=False)
        job.create_unique_constraint(op.f("uq_job_key"), ["key"])
        job.create_foreign_key(
            op.f("fk_job_reanalysis_id_reanalysis"), "reanalysis", ["reanalysis_id"], ["id"], ondelete="SET NULL"
        )
