"""`failures.jsonl` and `warnings.jsonl`: what gave no output, and what gave one but is damaged, a line each.

The lines of `warnings.jsonl` are samples that libjpeg complains of, and boxes that were left out.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from augcli.io.store.base import write_text
from augcli.io.store.names import FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from augcli.io.records.part_files import PartFacts
    from augcli.io.store.base import Sink
    from augcli.samples import Failure


def collect_failures(facts: Iterable[PartFacts]) -> list[Failure]:
    """Return the failures of all parts, by key."""
    failures = (failure for fact in facts for failure in fact.failures)
    return sorted(failures, key=lambda failure: failure.source)


def collect_warnings(facts: Iterable[PartFacts]) -> list[Failure]:
    """Return the warnings of all parts, by key."""
    warnings = (warning for fact in facts for warning in fact.warnings)
    return sorted(warnings, key=lambda warning: warning.source)


def write_failures(sink: Sink, failures: Sequence[Failure], name: str = FAILURES) -> None:
    """Write a file of one JSON object a line."""
    lines = (json.dumps(asdict(failure), sort_keys=True) + "\n" for failure in failures)
    write_text(sink, name, "".join(lines))
