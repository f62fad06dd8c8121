"""How much is done at once: sizes of chunks and tasks, and what a worker holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is cut off, kept and read at most. Only the limits of chunks decide any byte of an output.

    Attributes:
        chunk_outputs: Outputs of a chunk at most, if it can be cut.
        chunk_bytes: Bytes of input of a chunk at most, and of a portion of row groups.
        chunk_groups: Row groups that a chunk of parquet rows mixes at least, if there are that many.
        shortest_piece: Samples of a piece of a chunk at least.
        longest_piece: Samples of a piece of a chunk at most. Each piece decodes the partners behind its end
            once more, and after each the progress is shown.
        longest_in_threads: The same where workers are threads: an interruption waits for their pieces.
        spare_partners: Possible partners that a task knows beyond those that it needs if all images decode;
            with too few it is sent again with more.
        read_ahead: Files that are read in a row at most.
        read_ahead_bytes: Bytes after which no more of them are read.
        planned_ahead: Outputs that are planned in a row at most: a sample may have a million.
        held_bytes: Decoded pixels that one worker holds at most; beyond that images are decoded again.
        made_together: Outputs that a backend gets together at most: each holds its pixels.
        gathered_bytes: Encoded images that a worker gathers before it labels and stores them.
    """

    chunk_outputs: int = 2000
    chunk_bytes: int = 256 << 20
    chunk_groups: int = 8
    shortest_piece: int = 8
    longest_piece: int = 256
    longest_in_threads: int = 64
    spare_partners: int = 16
    read_ahead: int = 64
    read_ahead_bytes: int = 4 << 20
    planned_ahead: int = 1024
    held_bytes: int = 256 << 20
    made_together: int = 64
    gathered_bytes: int = 4 << 20


DEFAULT_LIMITS = Limits()
