"""Keys of recipes by what they decide: where the input lies, tables, images, or which outputs there are."""

from __future__ import annotations

INPUT_KEYS = ("masks", "boxes")
"""Keys of a recipe file that say where the input's annotations lie. They do not belong to what is stored in
an output, which is the same wherever its input lay."""


TABLE_KEYS = ("smoothing", "smoothing_form", "soft_labels")
"""Keys that only concern tables and label columns: changing them rewrites these, not images."""


IMAGE_KEYS = (
    "size", "fit", "image_format", "quality", "subsampling", "background", "max_pixels", "strict",
    "image_col", "mask_fill", "mask_policy",
)  # fmt: skip
"""Keys that decide the bytes of an image or mask beside the seed and the operations, so that names depend on
them. With another `max_pixels` or `strict` another image may be the partner."""


NAMELESS_KEYS = (
    "copies", "target_per_class", "originals", "limit", "format", "split", "other_splits", "splits",
    "label_col", "label_sep", "file_col", "links",
    "box_order", "yolo_task", "bad_boxes", "unboxed", "box_policy",
    "min_visibility", "min_paste_visibility", "min_area", "min_size", *TABLE_KEYS,
)  # fmt: skip
"""Keys that decide which outputs there are, or what tables say of them, but no byte of an image or mask."""
