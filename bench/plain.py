"""Plain sqlite3: the very rows that a run wrote, inserted by nothing but sqlite3.

They go into tables of the same definition, in as many transactions, as durably: what no program
that stores the same can be faster than.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from bench.figures import quantile

__all__ = ["Written", "insert", "synced", "written"]


class Written(NamedTuple):
    """What a run wrote: rows by table, the tables' definitions, and in how many transactions."""

    rows: dict[str, list[tuple[Any, ...]]]
    definitions: list[str]
    transactions: int

    @property
    def total(self) -> int:
        return sum(map(len, self.rows.values()))


def written(database: Path, root: str, run_id: str) -> Written:
    """Read it back out of the database of a server that has ended."""
    with closing(sqlite3.connect(database)) as stored:

        def read(query: str) -> list[tuple[Any, ...]]:
            return stored.execute(query, {"run": run_id, "root": root}).fetchall()

        run = "SELECT number FROM runs WHERE id = :run"
        reached = f"SELECT entity_id FROM outcomes WHERE run = ({run})"
        rows = {
            "outcomes": read(f"SELECT * FROM outcomes WHERE run = ({run})"),
            "findings": read("SELECT * FROM findings WHERE run_id = :run"),
            "looks": read(
                "SELECT * FROM looks WHERE finding IN "
                "(SELECT number FROM findings WHERE run_id = :run)"
            ),
            "pointers": read(
                "SELECT p.* FROM refs AS r JOIN pointers AS p USING (number) "
                f"WHERE r.source = :root AND r.target IN ({reached})"
            ),
            "audit": read("SELECT * FROM audit WHERE run_id = :run"),
            "events": read("SELECT * FROM events WHERE json_extract(body, '$.run_id') = :run"),
            "runs": read("SELECT * FROM runs WHERE id = :run"),
        }
        names = ", ".join(f"'{name}'" for name in rows)
        definitions = [
            row[0]
            for row in stored.execute(
                f"SELECT sql FROM sqlite_schema WHERE tbl_name IN ({names}) AND sql IS NOT NULL "
                "ORDER BY type DESC"
            )
        ]
        batches = len([row for row in rows["audit"] if "run_batch" in row])
    return Written(rows, definitions, batches + 2)


def insert(what: Written, folder: Path, rounds: int) -> float:
    """Milliseconds that it takes plain sqlite3, the median of so many rounds."""
    took: list[float] = []
    for number in range(rounds):
        with closing(sqlite3.connect(folder / f"plain-{number}.db", isolation_level=None)) as plain:
            plain.execute("PRAGMA journal_mode = WAL")
            plain.execute("PRAGMA synchronous = FULL")
            for definition in what.definitions:
                plain.execute(definition)
            begun = time.perf_counter()
            for part in range(what.transactions):
                plain.execute("BEGIN IMMEDIATE")
                for table, rows in what.rows.items():
                    some = rows[part :: what.transactions]
                    if some:
                        marks = ", ".join("?" * len(some[0]))
                        plain.executemany(f"INSERT INTO {table} VALUES ({marks})", some)
                plain.execute("COMMIT")
            took.append((time.perf_counter() - begun) * 1000)
    return quantile(took, 0.5)


def synced(folder: Path, rounds: int) -> list[float]:
    """Seconds that it takes to append what a small commit writes, and to have it on the disk."""
    took: list[float] = []
    block = bytes(16_384)
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(rounds):
            time.sleep(0.01)
            begun = time.perf_counter()
            file.write(block)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return took
