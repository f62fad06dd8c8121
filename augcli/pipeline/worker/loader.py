"""Samples from their encoded bytes: read, then decoded into memory that is used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.io.images.geometry import Geometry
from augcli.pipeline.worker.contents import read_sample
from augcli.pipeline.worker.values import Loaded, Stopwatch
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import Samples
    from augcli.pipeline.worker.annotations import AnnotationFollower
    from augcli.recipe import Recipe
    from augcli.samples import Pixels


WARNED = "decoded with warnings"
"""What the summary says of an image that libjpeg decodes with a complaint; with `--strict` it fails."""


class Loader:
    """Reads and decodes samples, with what belongs to them."""

    def __init__(
        self,
        samples: Samples,
        recipe: Recipe,
        geometry: Geometry | None,
        annotations: AnnotationFollower | None,
        reuses: bool,
        watch: Stopwatch,
    ) -> None:
        """Prepare to load; `reuses`: the memory of an image that is let go is used for the next one."""
        self._samples, self._annotations, self._watch = samples, annotations, watch
        self._reuses = reuses
        self._geometry, self._max_pixels, self._is_strict = geometry, recipe.max_pixels, recipe.strict
        self._spare: list[Pixels] = []

    def read_ahead(self, samples: Sequence[int]) -> int:
        """Begin to read samples that are wanted soon; return how many of them it took."""
        return self._samples.read_ahead(samples)

    def read(self, sample: int) -> Loaded:
        """Read a sample's file and header, or find out why that fails."""
        read = read_sample(
            self._samples, sample, self._annotations is not None and self._annotations.has_masks
        )
        loaded = Loaded(sample, content=read.content)
        try:
            if isinstance(read.image, DecodeError):
                raise read.image
            loaded.data, loaded.name = read.image
            header = codec.read_header(loaded.data, self._max_pixels)
            if self._annotations:
                loaded.annotations = self._annotations.read(sample, header, read.mask)
            loaded.header, loaded.shape = header, codec.decoded_shape(header, self._geometry)
        except DecodeError as error:
            loaded.failure = ("read", error)
        return loaded

    def decode(self, loaded: Loaded) -> None:
        """Decode a sample whose header was read, or find out why that fails."""
        header = loaded.header
        assert header is not None
        buffer = self._take_buffer(3 * header.height * header.width)
        try:
            pixels, complaint, is_in_buffer = codec.decode_noting(loaded.data, header, self._geometry, buffer)
            loaded.complaint = complaint
            if complaint and self._is_strict:
                raise DecodeError(WARNED, complaint)
            if loaded.annotations and self._annotations:
                self._annotations.decode(loaded.annotations)
            loaded.pixels, loaded.decodes, loaded.shape = pixels, True, Shape.of(pixels)
        except DecodeError as error:
            loaded.failure, is_in_buffer = ("decode", error), False
        if is_in_buffer:
            loaded.buffer = buffer
        else:
            self._spare.append(buffer)
        self._watch.lap("decode")

    def let_go(self, loaded: Loaded) -> None:
        """Let go of a sample's pixels and files, which are not read any more."""
        if self._reuses and loaded.buffer is not None:
            self._spare.append(loaded.buffer)
        loaded.drop()

    def release(self, sample: int) -> None:
        """Release the bytes of a sample that is hardly read again."""
        self._samples.release(sample)

    def _take_buffer(self, size: int) -> Pixels:
        """Return memory for an image: what was let go last where it is large enough, else new."""
        if self._spare and self._spare[-1].size >= size:
            return self._spare.pop()
        self._spare.clear()
        return np.empty(size + size // 8, np.uint8)
