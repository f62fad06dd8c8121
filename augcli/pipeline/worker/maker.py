"""Outputs from prepared pixels: their steps are applied, then they are encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.program.steps import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.kernels.backends import Backend
    from augcli.kernels.table import Work
    from augcli.pipeline.worker.values import Made, Stopwatch
    from augcli.program.steps import Program
    from augcli.recipe import Recipe
    from augcli.samples import Pixels


class Maker:
    """Makes outputs in the order in which they are added: one by one, or many together.

    A base stays changed by its last output alone. That is right since who reads it as a partner stands
    before it on the ring: such an output was made already, or it is made together with this one, and a
    backend that takes many at once reads an image for those that come first before it changes it.
    """

    def __init__(self, recipe: Recipe, backend: Backend, together: int, watch: Stopwatch) -> None:
        """Prepare to make; `together` is how many outputs a backend that gains by it gets at once."""
        self._background, self._watch = recipe.background, watch
        self._apply_steps, self._apply_many = backend.load(), backend.apply_many
        self._together = together if backend.apply_many else 1
        self._waiting: list[Made] = []
        self._finished: list[Made] = []
        self._scratch = np.empty(0, np.uint8)
        self._put_back: tuple[Pixels, Pixels] | None = None

    def add(self, made: Made) -> None:
        """Take an output, and make all that wait if they are enough."""
        if made.work is not None:
            self._lay_out(made, made.work)
        elif made.pixels is not None:
            self._encode(made)  # now: a later output may change these pixels
        self._waiting.append(made)
        if len(self._waiting) >= self._together:
            self.finish()

    def finish(self) -> None:
        """Make all outputs that wait."""
        waiting, self._waiting = self._waiting, []
        self._apply([made.work for made in waiting if made.work is not None])
        for made in waiting:
            if made.work is not None:
                made.work = None
                self._encode(made)
                if self._put_back:
                    part, before = self._put_back
                    part[...], self._put_back = before, None
        self._finished += waiting

    @property
    def finished(self) -> int:
        """How many outputs are made and not taken yet."""
        return len(self._finished)

    def take(self) -> list[Made]:
        """Return the outputs that are made, except those of a sample of which outputs still wait."""
        finished, self._finished = self._finished, []
        if not self._waiting:
            return finished
        base = self._waiting[0].base
        self._finished = [made for made in finished if made.base is base]
        return [made for made in finished if made.base is not base]

    def _lay_out(self, made: Made, work: Work) -> None:
        """Find the pixels of an output, which it may change.

        They are the base's pixels if nobody reads these any more, or if the output changes a small box alone,
        which is put back once it is encoded; else a copy.
        """
        table, partners, pixels = work
        is_free = pixels.flags.writeable
        if not (made.is_last and is_free):
            box = find_changed(made.plan.steps) if is_free and self._together == 1 else None
            if box and 2 * box.area <= pixels.shape[0] * pixels.shape[1]:
                part = pixels[box.y0 : box.y1, box.x0 : box.x1]
                self._put_back = part, self._copy(part)
            else:
                pixels = self._copy(pixels)
        made.pixels, made.work = pixels, (table, partners, pixels)

    def _apply(self, works: Sequence[Work]) -> None:
        """Apply the steps of outputs; their partners' pixels are let go then."""
        if works and self._apply_many:
            self._apply_many(works)
        else:
            for table, partners, pixels in works:
                self._apply_steps(table, partners, pixels)
        self._watch.lap("apply")

    def _encode(self, made: Made) -> None:
        """Encode an output as was decided, or find out why that fails."""
        pixels, encoding = made.pixels, made.encoding
        assert pixels is not None
        assert encoding is not None
        made.height, made.width, _ = pixels.shape
        try:
            made.data = codec.encode(pixels, *encoding, self._background, made.profile)
        except DecodeError as error:
            made.failure = made.base.failure or ("encode", error)
        made.suffix, made.pixels = encoding.file_format, None
        self._watch.lap("encode")

    def _copy(self, pixels: Pixels) -> Pixels:
        """Copy pixels into memory that is used again for the next copy, where none waits."""
        if self._together > 1:
            return pixels.copy()
        if self._scratch.nbytes < pixels.nbytes:
            self._scratch = np.empty(pixels.nbytes, np.uint8)
        copy = self._scratch[: pixels.nbytes].view(pixels.dtype).reshape(pixels.shape)
        np.copyto(copy, pixels)
        return copy


def find_changed(program: Program) -> Box | None:
    """Return the smallest box around all areas of a program; None where one is made of patches."""
    boxes = [step.area for step in program if isinstance(step.area, Box)]
    if len(boxes) < len(program):
        return None
    return Box(
        min(box.y0 for box in boxes),
        min(box.x0 for box in boxes),
        max(box.y1 for box in boxes),
        max(box.x1 for box in boxes),
    )
