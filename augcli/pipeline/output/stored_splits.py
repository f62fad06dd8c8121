"""The splits of an output that stands, as its own files tell them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.errors import OutputError
from augcli.io import hugging_face
from augcli.io.boxes.recorded import read_annotated
from augcli.io.readers.splits import find_augmented
from augcli.io.records import part_files
from augcli.io.records.parts import Parts
from augcli.io.store.contents import list_contents
from augcli.io.store.names import CLASSES, folder_names, part_key, part_names
from augcli.io.writers.choose import WRITERS, choose_writer
from augcli.io.writers.comparison import Difference
from augcli.pipeline.output.documents import SplitOutput
from augcli.pipeline.output.plan_files import read_plans
from augcli.pipeline.plan.splits import pass_on, table_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.records.part_files import PartFacts
    from augcli.io.records.parts import Part
    from augcli.io.store.base import Store
    from augcli.io.store.contents import Contents
    from augcli.io.writers.base import Writer
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe


class StoredSplit(NamedTuple):
    """The output of a split, and the keys of all files that its part files promise."""

    output: SplitOutput
    files: set[str]


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """An output that stands.

    Attributes:
        store: Where it lies.
        contents: What stands there.
        parts: Its part files.
        recipe: What its `augcli.json` says.
        annotated: What belongs to its images.
    """

    store: Store
    contents: Contents
    parts: Parts
    recipe: Recipe
    annotated: Annotated

    def read_splits(self) -> tuple[list[StoredSplit], list[Difference]]:
        """Read what the part files say, split by split; and which of them are damaged."""
        splits, differences = [], []
        for split, group in self.list_chunks().items():
            chunks: list[str] = []
            facts: list[PartFacts] = []
            names: list[str] = []
            for part in self.parts.read(group):
                own_names = _read_names(part)
                if part.facts is None or own_names is None:
                    differences.append(Difference(part_key(part.chunk), "it is damaged"))
                    continue
                chunks.append(part.chunk)
                facts.append(part.facts)
                names += own_names
                self.parts.keep(part)
            if chunks:
                splits.append(self.describe(split, chunks, facts, names))
        return splits, differences

    def list_chunks(self) -> dict[str, list[str]]:
        """Return the names of the chunks that have part files, in order, by split."""
        named = sorted((name.rpartition("-")[0], name) for name in part_names(self.contents.sizes))
        groups = itertools.groupby(named, key=lambda pair: pair[0])
        return {split: [name for _, name in group] for split, group in groups}

    def describe(
        self, split: str, chunks: Sequence[str], facts: Sequence[PartFacts], names: Sequence[str]
    ) -> StoredSplit:
        """Return a split by its chunks, what their part files say, and the names of its outputs, or of some.

        Its classes and the features of carried columns are found where a table or a shard bears them.
        """
        main = find_augmented(list(self.list_chunks()), self.recipe.split)
        recipe = self.recipe if split == main else pass_on(self.recipe)
        writer = self._make_writer(split, recipe, None, {})
        files = writer.files(names)
        classes, features = self._read_description(split, [*writer.tables(), *sorted(files)])
        writer = self._make_writer(split, recipe, classes, features)
        has_folders = WRITERS[str(self.recipe.format)].has_class_folders
        has_folders = has_folders and any("/" in name.removeprefix(writer.name("", "", "")) for name in names)
        folders = folder_names(classes) if has_folders and classes else None
        return StoredSplit(SplitOutput(split, writer, chunks, facts, classes, folders), files)

    def _read_description(
        self, split: str, keys: Sequence[str]
    ) -> tuple[tuple[str, ...] | None, dict[str, Any]]:
        """Read class names and features of carried columns from the first parquet file that has them."""
        for key in keys:
            if key.endswith(".parquet") and key in self.contents.sizes:
                description = hugging_face.read_description(self.store, key)
                if description is not None:
                    classes, known = description
                    carried = (name for name in known if not part_files.is_ours(name, self.annotated.masks))
                    return classes, {name: known[name] for name in carried}
        if CLASSES not in self.contents.sizes:
            return self._read_planned(split)
        [text] = self.store.read([CLASSES])
        return tuple((text or b"").decode("utf-8", "replace").split("\n")[:-1]), {}

    def _read_planned(self, split: str) -> tuple[tuple[str, ...] | None, dict[str, Any]]:
        """Read them from the plans of partitions, where no document stands yet."""
        for plan in filter(None, read_plans(self.store, self.contents.sizes).values()):
            for planned in plan.splits:
                if planned.name == split:
                    return planned.classes, planned.features
        return None, {}

    def _make_writer(
        self, split: str, recipe: Recipe, classes: tuple[str, ...] | None, features: dict[str, Any]
    ) -> Writer:
        layout, options = str(recipe.format), table_options(recipe)
        return choose_writer(layout, self.store, split, classes, options, features, self.annotated)


def open_output(store: Store, recipe: Recipe) -> StoredOutput:
    """Look at an output that stands.

    Raises:
        OutputError: If its `augcli.json` is damaged.
        StorageError: If the machine fails.
    """
    return StoredOutput(store, list_contents(store), Parts(store), recipe, read_annotated(store))


def _read_names(part: Part) -> list[str] | None:
    """Read the names of a part file's outputs, and all other columns too; None if any of it is damaged."""
    try:
        names: list[str] = part.rows().column("file_name").to_pylist()
    except OutputError:
        return None
    return names
