"""Where a stretch of time begins in a table whose rows are numbered in the order in which they came.

Found by halving, so that no table needs an index on time.
"""

from typing import Any

from sqlalchemy import Column, Connection, func, select


def first_since(connection: Connection, number: Column[Any], time: Column[Any], since: float) -> int:
    """The lowest number from which on rows may be as new as ``since``; one above the last where none is."""
    low, high = connection.execute(select(func.min(number), func.max(number))).one()
    low, high = low or 1, (high or 0) + 1
    while low < high:
        middle = (low + high) // 2
        at = connection.execute(select(time).where(number >= middle).order_by(number).limit(1)).scalar()
        low, high = (low, middle) if at is None or at >= since else (middle + 1, high)
    return int(low)
