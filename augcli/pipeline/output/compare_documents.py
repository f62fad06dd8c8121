"""Tables and documents that stand, compared with what the part files give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import PlanError
from augcli.io.store.base import write_text
from augcli.io.store.names import RECIPE
from augcli.io.writers.comparison import Comparison, Difference
from augcli.pipeline.output import documents
from augcli.pipeline.output.tables import write_tables
from augcli.pipeline.plan.digest import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.pipeline.output.stored_splits import StoredOutput, StoredSplit

IMPOSSIBLE = (PlanError, LookupError, TypeError, ValueError, ArithmeticError)
"""What rows raise that no run of ours wrote; pyarrow's own errors are some of these."""


def compare_documents(output: StoredOutput, splits: Sequence[StoredSplit]) -> list[Difference]:
    """Compare tables, class list, card, failures and recipe with what the part files give."""
    comparison, differences = Comparison(output.store, output.contents.standing()), []
    if splits:
        try:
            outputs = [split.output for split in splits]
            tallies = [
                write_tables(split.writer, split.chunks, output.parts, comparison) for split in outputs
            ]
            documents.write_documents(outputs, tallies, output.recipe, comparison)
        except IMPOSSIBLE as error:
            differences.append(Difference(".", f"the part files give no tables: {error}"))
    write_text(comparison, RECIPE, document(output.recipe, output.annotated))
    return [*differences, *comparison.explain()]
