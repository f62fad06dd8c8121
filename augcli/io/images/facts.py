"""What summaries say of the codecs: of Pillow that loads no more than its version, 1 ms together."""

from __future__ import annotations

import PIL
import simplejpeg

COPY_OBSTACLES = ("orientation", "format", "size", "frames", "no end marker", "metadata")
"""Why a file itself may not stand in the output: it must be turned, it has another file format or another
size than it should, it holds several frames, it is not whole, or Pillow refuses it for its metadata."""


def versions() -> dict[str, str]:
    """Return the versions of the codecs, which decide an output's bytes beside the recipe."""
    return {"simplejpeg": simplejpeg.__version__, "pillow": PIL.__version__}
