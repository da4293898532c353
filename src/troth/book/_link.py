"""One connection through ADBC, the driver interface that speaks Arrow on both sides.

This is ADBC's plain layer. Its DB-API layer imports pyarrow.dataset, and with it pandas where that is installed:
over a second before the first row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import adbc_driver_manager as adbc
import pyarrow as pa

from troth.errors import BookError

_TEMPORARY = "adbc.ingest.temporary"

# What a driver raises: its own errors, and Arrow's while the rows of an answer stream in.
DriverError = (adbc.Error, pa.ArrowException, OSError)


class Link:
    """Statements out, Arrow tables in and out. Not for two threads at once; the store around it takes care."""

    def __init__(
        self, *, driver: str, entrypoint: str, options: Mapping[str, str], explain: Callable[[Exception], BookError]
    ) -> None:
        self._how = {"driver": driver, "entrypoint": entrypoint, **options}
        self._explain = explain
        self._connect()

    def _connect(self) -> None:
        try:
            self._database = adbc.AdbcDatabase(**self._how)
        except DriverError as error:
            raise self._explain(error) from error
        try:
            self._connection = adbc.AdbcConnection(self._database)
        except DriverError as error:
            self._database.close()
            raise self._explain(error) from error
        self._lost = False

    def execute(self, sql: str, parameters: Sequence[pa.Array] = ()) -> int:
        """Run a statement; the number of rows it wrote, 0 where the driver does not say."""
        try:
            with self._statement(sql, parameters) as statement:
                return max(0, int(statement.execute_update()))
        except DriverError as error:
            raise self._failure(error) from error

    def fetch(self, sql: str, parameters: Sequence[pa.Array] = ()) -> pa.Table:
        """Run a query; every row of its answer."""
        try:
            with self._statement(sql, parameters) as statement:
                stream, _ = statement.execute_query()
                return pa.RecordBatchReader.from_stream(stream).read_all()
        except DriverError as error:
            raise self._failure(error) from error

    def stage(self, name: str, table: pa.Table) -> None:
        """Copy a table into a temporary one of this name."""
        options = {
            adbc.INGEST_OPTION_TARGET_TABLE: name,
            adbc.INGEST_OPTION_MODE: adbc.INGEST_OPTION_MODE_CREATE,
            _TEMPORARY: "true",
        }
        try:
            with adbc.AdbcStatement(self._connection) as statement:
                statement.set_options(**options)
                statement.bind_stream(table)
                statement.execute_update()
        except DriverError as error:
            raise self._failure(error) from error

    def mend(self) -> None:
        """Connect anew after `hang_up`, or where a fault, such as a full disk, made the database give up.

        Not within a transaction.
        """
        if self._lost:
            self.close()
            self._connect()

    def hang_up(self) -> None:
        """Let the file go, so that another may take its place; `mend` connects again."""
        self._lost = True
        self.close()

    def close(self) -> None:
        """Hand everything back."""
        try:
            self._connection.close()
        finally:
            self._database.close()

    def _statement(self, sql: str, parameters: Sequence[pa.Array]) -> adbc.AdbcStatement:
        statement = adbc.AdbcStatement(self._connection)
        try:
            statement.set_sql_query(sql)
            if parameters:
                statement.prepare()
                statement.bind(pa.record_batch(list(parameters), names=[f"p{n}" for n in range(len(parameters))]))
        except BaseException:
            statement.close()
            raise
        return statement

    def _failure(self, error: Exception) -> BookError:
        self._lost = self._lost or "database has been invalidated" in str(error) or "FATAL" in str(error)
        return self._explain(error)
