"""Splits: what a run does with each of them, planned from the data set and the recipe."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.errors import InputError, Note, Option, UsageError
from augcli.io.boxes.base import COLUMN, name_skipped
from augcli.io.labels.facts import as_candidates
from augcli.io.readers.splits import choose_split
from augcli.io.records.annotation_columns import annotation_schema
from augcli.io.records.label_columns import TableOptions
from augcli.io.records.part_files import PartFacts
from augcli.io.store.names import folder_names
from augcli.io.writers.choose import WRITERS, choose_writer
from augcli.pipeline.plan.checks import check_suffixes
from augcli.pipeline.plan.chunks import chunk_folder, chunk_groups, count_outputs, trim_chunks
from augcli.pipeline.plan.digest import digest, seed_of_names
from augcli.pipeline.plan.fingerprint import fingerprint_chunk
from augcli.pipeline.plan.job import Job
from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits
from augcli.pipeline.plan.rings import check_partners, form_rings, hash_samples
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.io.readers.base import Source
    from augcli.io.store.base import Store
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.rings import Ring
    from augcli.samples import Catalogue


@dataclass(slots=True)
class Split:
    """A split in progress: its job, its chunks, and the facts of those that stand, by chunk name.

    `recipe` is the digest of what the whole run does. `is_passed_on` says whether nothing is done to this
    split. `mislabelled` are chunks that stand but for the label columns of their shards.
    """

    job: Job
    chunks: list[Chunk]
    source: Source
    recipe: str = ""
    is_passed_on: bool = False
    facts: dict[str, PartFacts] = field(default_factory=dict)
    mislabelled: list[Chunk] = field(default_factory=list)

    @property
    def catalogue(self) -> Catalogue:
        """Samples of the split."""
        return self.job.catalogue

    def part_name(self, chunk: Chunk) -> str:
        """Return a chunk's name such that chunks of all splits differ."""
        return f"{self.catalogue.split}-{chunk.name}" if self.catalogue.split else chunk.name

    def fingerprint(self, chunk: Chunk, ahead: Sequence[int]) -> str:
        """Digest everything that decides a chunk's outputs, besides the recipe's own keys."""
        return fingerprint_chunk(self.job, chunk.arcs, ahead, self.context)

    @property
    def context(self) -> str:
        """What a chunk's outputs depend on beside samples and partners.

        That is whether outputs lie in class folders, the columns carried along, and whether the split is
        augmented or passed on.
        """
        job = self.job
        schema, features = self.source.carried
        carried = [(str(field), features.get(field.name)) for field in schema]
        context = repr((job.class_folders is not None, carried, job.recipe.name))
        if job.annotated:
            boxes = job.annotated.boxes
            context += repr(
                (boxes and (boxes.box_format, boxes.names, boxes.keys.get(COLUMN)), job.annotated.masks)
            )
        return context

    @property
    def beside(self) -> Any:
        """Schema of the columns behind those of every output: carried columns, then masks and boxes."""
        return annotation_schema(self.job.annotated, self.source.carried.schema)

    def bases(self, chunk: Chunk) -> NDArray[np.int64]:
        """Return the samples of a chunk that have outputs."""
        members = chunk.members
        return members[self.job.outputs[members] > 0]

    @property
    def rings(self) -> list[Ring]:
        """All rings, once each."""
        return list({id(arc.ring): arc.ring for chunk in self.chunks for arc in chunk.arcs}.values())

    def count_images(self) -> int:
        """Count the samples that have outputs."""
        return sum(len(self.bases(chunk)) for chunk in self.chunks)

    def count_boxes(self) -> Counter[int]:
        """Count the boxes of each category, of the images that have outputs."""
        counted: Counter[int] = Counter()
        all_boxes = self.catalogue.boxes or ()
        for sample in (sample for chunk in self.chunks for sample in self.bases(chunk) if all_boxes):
            boxes = all_boxes[sample]
            counted.update(boxes.categories if boxes else ())
        return counted

    def count_skipped(self) -> Counter[str]:
        """Count the boxes that were left out as they were read, of the images that have outputs."""
        all_boxes = self.catalogue.boxes or ()
        samples = (sample for chunk in self.chunks for sample in self.bases(chunk) if all_boxes)
        with_skipped = (boxes for sample in samples if (boxes := all_boxes[sample]) and boxes.skipped)
        return Counter(name_skipped(box) for boxes in with_skipped for box in boxes.skipped)

    def part_names(self) -> list[str]:
        """Return the names of all chunks, in order."""
        return [self.part_name(chunk) for chunk in self.chunks]


def plan_splits(
    source: Source, store: Store, recipe: Recipe, backend: str, limits: Limits = DEFAULT_LIMITS
) -> list[Split]:
    """Plan the chunks of every split: the main one by the recipe, the others passed on.

    Raises:
        UsageError: If the recipe asks what the labels do not allow.
        InputError: If the input lacks the split, labels or partners that the recipe needs.
    """
    main = source.main
    if main is None:
        main = choose_split([catalogue.split for catalogue in source.catalogues], recipe.split)
    if main not in (catalogue.split for catalogue in source.catalogues):
        raise InputError(f"the boxes name no image of split {main!r}; give ", Option("unboxed", "keep"))
    passed_on = pass_on(recipe)
    splits: list[Split] = []
    recipe_digest = digest(recipe, source.annotated)
    for catalogue in source.catalogues:
        if catalogue.split == main:
            splits.append(_plan_split(source, store, catalogue, recipe, backend, recipe_digest, limits))
        elif recipe.other_splits == "copy":
            passed = _plan_split(source, store, catalogue, passed_on, backend, recipe_digest, limits)
            splits.append(replace(passed, is_passed_on=True))
    keys = (key for split in splits for key in split.catalogue.keys)
    check_suffixes(recipe, source.image_names if source.groups else keys)
    return splits


def pass_on(recipe: Recipe) -> Recipe:
    """Return what is done to the other splits: nothing, and their labels stay as they are."""
    return replace(
        recipe,
        name="none",
        entries=(),
        copies=1,
        target_per_class=None,
        originals="none",
        limit=None,
        smoothing=0.0,
    )


def _plan_split(
    source: Source,
    store: Store,
    catalogue: Catalogue,
    recipe: Recipe,
    backend: str,
    digest: str,
    limits: Limits,
) -> Split:
    _check_labels(source, catalogue, recipe)
    _check_boxes(source, catalogue, recipe)
    hashes = hash_samples(catalogue, recipe.seed)
    rule, has_originals = recipe.partner_rule, recipe.originals == "copy"
    is_numbered = WRITERS[str(recipe.format)].is_numbered
    base = count_outputs(catalogue, hashes, recipe.copies, recipe.target_per_class, has_originals)
    if groups := source.groups.get(catalogue.split):
        chunks = chunk_groups(catalogue, hashes, groups, base, rule, recipe.seed, limits, is_numbered)
        order = np.concatenate([chunk.members for chunk in chunks])
    else:
        order = catalogue.leave_out(np.argsort(hashes, kind="stable"))
        rings = form_rings(order, hashes, catalogue, rule)
        if is_numbered and rule == "same-class":  # shards of one class each would be of little use
            rings = [replace(ring, keys=hashes[ring.members]) for ring in rings]
        chunks = chunk_folder(rings, catalogue.sizes, base, limits, is_numbered)
    if recipe.mixing_entries:
        check_partners([arc.ring for chunk in chunks for arc in chunk.arcs], rule)
    base[order[recipe.limit :] if recipe.limit is not None else []] = 0
    chunks = trim_chunks(chunks, base)
    has_folders = WRITERS[str(recipe.format)].has_class_folders and source.has_class_folders
    folders = folder_names(catalogue.classes or ()) if has_folders else None
    features = source.carried.features
    annotated = source.annotated
    classes, options = catalogue.classes, table_options(recipe)
    writer = choose_writer(str(recipe.format), store, catalogue.split, classes, options, features, annotated)
    seeds = seed_of_names(recipe), seed_of_names(recipe, is_original=True)
    job = Job(catalogue, hashes, base, recipe, writer, folders, seeds, annotated, backend, limits)
    return Split(job, chunks, source, digest)


def table_options(recipe: Recipe) -> TableOptions:
    """Return what the label columns of a recipe's output depend on."""
    return TableOptions(recipe.smoothing, recipe.smoothing_form, recipe.soft_labels)


def _list_seen(source: Source) -> Iterator[object]:
    """Yield the words of what was seen in an input and is not used: labels or boxes may be among it."""
    for number, note in enumerate(source.notes):
        yield "; " if number else " (what was seen: "
        yield from note.words if isinstance(note, Note) else (note,)
    if source.notes:
        yield ")"


def _check_boxes(source: Source, catalogue: Catalogue, recipe: Recipe) -> None:
    """Refuse an operation that works inside boxes where the images have no boxes."""
    if catalogue.boxes is not None:
        return
    operations = [choice.operation for entry in recipe.entries for choice in entry.choices]
    boxed = next((operation.name for operation in operations if operation.needs_boxes), None)
    if boxed is not None:
        where = f"split {catalogue.split!r}" if source.annotated.boxes is not None else "SRC"
        wants = f"{boxed} needs the boxes of the images, but {where} has none; give "
        raise InputError(wants, Option("boxes", "FILE"), *_list_seen(source))


def _check_labels(source: Source, catalogue: Catalogue, recipe: Recipe) -> None:
    """Refuse what the labels do not allow."""
    labels = {id(label): label for label in catalogue.labels if label is not None}.values()
    if recipe.target_per_class is not None and not labels:
        target, labels_file = Option("target_per_class"), Option("labels", "FILE")
        raise InputError(target, " needs labels; give class folders or ", labels_file)
    if recipe.mixing_entries and not labels and not source.annotated:
        raise _lacking_labels(source, recipe)
    multi_hot = not all(label.sums_to_one for label in labels)
    if recipe.smoothing:
        _check_smoothing(source, catalogue, recipe, multi_hot)
    has_folders = WRITERS[str(recipe.format)].has_class_folders
    if has_folders and source.lies_in_class_folders and multi_hot:
        raise InputError(
            "labels that do not sum to 1 (multi-hot) cannot be put in class folders; give ",
            *(Option("format", "parquet"), ", or images that do not lie in folders of these classes"),
        )


def _lacking_labels(source: Source, recipe: Recipe) -> InputError:
    """Return the error of an operation that mixes labels where no image has a label."""
    if candidates := source.labelled.candidates:
        words = f"{recipe.name} mixes labels, but no labels were read; give ", Option("label_col")
        return InputError(*words, *as_candidates(candidates))
    where: tuple[object, ...] = (Option("label_col"), ", ")
    if source.layout == "folder":
        where = ("class folders, ", Option("labels", "FILE"), ", ")
    wants = f"{recipe.name} mixes labels, but no image has one; give "
    return InputError(wants, *where, Option("masks"), " or ", Option("boxes"), *_list_seen(source))


def _check_smoothing(source: Source, catalogue: Catalogue, recipe: Recipe, multi_hot: bool) -> None:
    """Refuse to smooth labels that are smoothed already, do not sum to 1, or know one class."""
    if source.labelled.is_smoothed:
        raise InputError(
            Option("smoothing"),
            ": the labels that were read are smoothed already (no class has the weight 0), and nothing else"
            " is left of them; leave it out, or give metadata.parquet, whose classes and weights are exact",
        )
    if multi_hot:
        why = "labels that do not sum to 1 (multi-hot) cannot be smoothed; leave out "
        raise InputError(why, Option("smoothing"))
    if recipe.smoothing_form == "others" and catalogue.classes and len(catalogue.classes) < 2:
        form = Option("smoothing_form", "others")
        raise UsageError(form, " needs at least 2 classes, got 1; use uniform")
