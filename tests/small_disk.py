"""A disk that is nearly full, as far as one log can tell."""

from typing import Any

from sqlalchemy import event as on

from tailorbird.backends.sql.log import SqlLog


def small_disk(log: SqlLog) -> None:
    """From now on the log's file may grow by no more than a few pages."""
    with log.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    log.engine.dispose()

    @on.listens_for(log.engine, "connect")
    def _small(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 4}")
