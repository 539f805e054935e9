"""Alembic's environment: runs the migrations on the engine handed over by ``stores.history.migrate``."""

from __future__ import annotations

from alembic import context

from dashboard.stores.tables import METADATA

engine = context.config.attributes["engine"]
with engine.connect().execution_options(writing=True) as connection:
    context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
