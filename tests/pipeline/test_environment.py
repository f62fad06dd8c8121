"""The environment: what tells machines that would write other bytes."""

from __future__ import annotations

import math
import platform
import subprocess
import sys

import numpy as np
import PIL
import pytest

from augcli.errors import VersionError
from augcli.io.images import codec
from augcli.io.records import part_files
from augcli.pipeline import environment


def digest_anew():
    environment.digest.cache_clear()
    try:
        return environment.digest()
    finally:
        environment.digest.cache_clear()


@pytest.mark.slow
def test_a_digest_is_that_of_another_process():
    code = "from augcli.pipeline.environment import digest; print(digest())"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == environment.digest()


def spoil_version(monkeypatch):
    monkeypatch.setattr(PIL, "__version__", "0.1")


def spoil_logarithm(monkeypatch):
    """Another libm, which differs in the last bit for an argument in a hundred."""
    log = math.log
    monkeypatch.setattr(
        math, "log", lambda x: math.nextafter(log(x), 1.0) if int(x * 1e9) % 100 == 7 else log(x)
    )


def spoil_encoder(monkeypatch):
    encode = codec.simplejpeg.encode_jpeg
    monkeypatch.setattr(codec.simplejpeg, "encode_jpeg", lambda *a, **k: encode(*a, **k) + b"\0")


def spoil_decoder(monkeypatch):
    decode = codec.decode
    monkeypatch.setattr(codec, "decode", lambda *a: decode(*a) ^ np.uint8(1))


def spoil_parquet(monkeypatch):
    writer = part_files.pq.ParquetWriter
    monkeypatch.setattr(
        part_files.pq, "ParquetWriter", lambda *a, compression: writer(*a, compression="snappy")
    )


@pytest.mark.parametrize(
    "spoil", [spoil_version, spoil_logarithm, spoil_encoder, spoil_decoder, spoil_parquet]
)
def test_another_library_gives_another_digest(monkeypatch, spoil):
    before = environment.digest()
    spoil(monkeypatch)
    assert digest_anew() != before


def test_an_environment_other_than_planned_is_refused_by_name():
    environment.check(environment.digest())
    with pytest.raises(VersionError) as refused:
        environment.check("0" * 32)
    message = str(refused.value)
    assert refused.value.exit_code == 8
    assert message.startswith(
        f"{platform.node()!r} would write other bytes than the machine that planned: it has augcli 0.1.0, "
    )
    assert f"pillow {PIL.__version__}, " in message
    assert message.endswith("install the same versions on all machines, of one kind of processor")
