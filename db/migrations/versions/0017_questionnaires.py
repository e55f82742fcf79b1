"""Questionnaires: scales of the clinic's own, answers, schedules, and the device in a patient's hands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.models

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema one step on."""
    op.create_table(
        "own_scale",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("lowest", sa.Double(), nullable=False),
        sa.Column("highest", sa.Double(), nullable=False),
        sa.Column("higher_is", sa.String(length=8), nullable=False),
        sa.Column("bands", sa.JSON(), nullable=False),
        sa.Column("reliability", sa.Double(), nullable=True),
        sa.Column("spread", sa.Double(), nullable=True),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("retired_at", db.models.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_scale")),
    )
    op.create_table(
        "questionnaire_answer",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        sa.Column("scale", sa.String(length=32), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=True),
        sa.Column("total", sa.Double(), nullable=True),
        sa.Column("how", sa.String(length=8), nullable=False),
        sa.Column("recorded_by", sa.String(length=32), nullable=True),
        sa.Column("recorded_at", db.models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_questionnaire_answer_patient_id_patient"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questionnaire_answer")),
    )
    op.create_index(op.f("ix_questionnaire_answer_patient_id"), "questionnaire_answer", ["patient_id"])
    op.create_index(op.f("ix_questionnaire_answer_number"), "questionnaire_answer", ["number"])
    op.create_table(
        "questionnaire_schedule",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        sa.Column("scale", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("every_days", sa.Integer(), nullable=False),
        sa.Column("first_due", sa.Date(), nullable=False),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
            name=op.f("fk_questionnaire_schedule_patient_id_patient"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("patient_id", "scale", name=op.f("uq_questionnaire_schedule_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questionnaire_schedule")),
    )
    op.create_index(op.f("ix_questionnaire_schedule_patient_id"), "questionnaire_schedule", ["patient_id"])
    op.create_table(
        "hand_over",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        sa.Column("scale", sa.String(length=32), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("pin_hash", sa.String(length=200), nullable=False),
        sa.Column("wrong_pins", sa.Integer(), nullable=False),
        sa.Column("by_provider", sa.Boolean(), nullable=False),
        sa.Column("created_at", db.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("done_at", db.models.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_hand_over_patient_id_patient"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_hand_over_account_id_account"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_hand_over_token_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_over")),
    )
    op.create_index(op.f("ix_hand_over_patient_id"), "hand_over", ["patient_id"])
    op.create_index(op.f("ix_hand_over_account_id"), "hand_over", ["account_id"])
