"""Alembic's environment: runs the migrations on the engine handed over by ``stores.schema.migrate``."""

from __future__ import annotations

from alembic import context

from dashboard.stores.tables import METADATA

engine = context.config.attributes["engine"]
with engine.connect().execution_options(writing=True) as connection:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        # A migration may commit in portions of its own, and must then find what the ones before it have made.
        transaction_per_migration=True,
    )
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        # A lock that is not to be had at once: let everybody pass who would wait behind us, and try again.
        connection.exec_driver_sql("SET lock_timeout = '3s'")
        connection.commit()
    try:
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    finally:
        if postgresql:
            connection.invalidate()
