"""What the `augcli.json` of an output says of the masks and boxes of its images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from augcli.errors import OutputError
from augcli.io.boxes.base import box_formats
from augcli.io.store.base import full_name
from augcli.io.store.names import RECIPE
from augcli.program.annotated import Annotated, BoxHeader

if TYPE_CHECKING:
    from augcli.io.store.base import Store


def describe_annotated(annotated: Annotated) -> dict[str, Any]:
    """Return what belongs to the images of an output as plain data, as `augcli.json` holds it."""
    header = annotated.boxes
    boxes = header and {"form": header.box_format, "names": list(header.names), "keys": header.keys}
    return {"boxes": boxes, "masks": annotated.masks}


def read_annotated(store: Store) -> Annotated:
    """Read from an output's `augcli.json` what belongs to its images.

    Raises:
        OutputError: If it is missing or damaged.
        StorageError: If the machine fails.
    """
    [text] = store.read([RECIPE])
    try:
        annotations = json.loads((text or b"").decode()).get("annotations", {})
        boxes = annotations.get("boxes")
        header = BoxHeader(boxes["form"], tuple(boxes["names"]), dict(boxes["keys"])) if boxes else None
        if header and (
            header.box_format not in box_formats() or not all(isinstance(name, str) for name in header.names)
        ):
            raise ValueError("it names no boxes that we know")
        return Annotated(header, annotations.get("masks") is True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OutputError(
            f"{full_name(store, RECIPE)!r} is damaged; make the output anew in another DST"
        ) from error
