"""The codec floor: read, decode, encode and write every file once, in threads, and nothing else.

    python floor.py SRC DST --workers 2 [--processes]

No program that changes pixels of JPEG files with this codec can be faster. So it gets every advantage:
raw system calls, directories made beforehand, one flat loop per stretch of files, one buffer for the pixels
of a whole stretch (about 5 % faster in two threads than a new array per image), no names, no labels.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from functools import partial
from multiprocessing.pool import ThreadPool

import numpy as np
import simplejpeg

QUALITY = 95
# Short enough that two threads end together, long enough that handing out costs nothing.
STRETCH = 32
BUFFER_BYTES = 1 << 24

HELD: dict[int, bytes] = {}
"""Photos in memory, by inode: files that are links to one photo are held once. Forks inherit them."""


def transcode(options: argparse.Namespace, pairs: list[tuple[str, str]]) -> None:
    """Read, decode, encode and write each (source, target), one after another."""
    buffer = np.empty(BUFFER_BYTES, np.uint8)
    for source, target in pairs:
        data = HELD.get(os.stat(source).st_ino) or read(source)
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        if 3 * height * width > buffer.size:
            buffer = np.empty(3 * height * width, np.uint8)
        pixels = simplejpeg.decode_jpeg(data, "RGB", fastdct=False, buffer=buffer)
        if options.size:
            pixels = np.ascontiguousarray(pixels[: options.size, : options.size])
        for copy in range(options.copies):
            encoded = simplejpeg.encode_jpeg(
                pixels, quality=QUALITY, colorspace="RGB", colorsubsampling="420", fastdct=False
            )
            if not options.no_files:
                write(f"{target[:-4]}-{copy}.jpg", encoded)


def read(path: str) -> bytes:
    """Read a file."""
    file = os.open(path, os.O_RDONLY)
    data = os.read(file, os.fstat(file).st_size)
    os.close(file)
    return data


def write(path: str, data: bytes) -> None:
    """Write a new file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(file, data)
    os.close(file)


def list_pairs(source: str, target: str) -> list[tuple[str, str]]:
    """List (source, target) of every file in the class folders, and make the folders of the targets."""
    pairs = []
    with os.scandir(source) as folders:
        for folder in folders:
            beside = f"{target}/{folder.name}"
            os.makedirs(beside)
            with os.scandir(folder.path) as files:
                pairs += [(file.path, f"{beside}/{file.name}") for file in files]
    return pairs


def main() -> None:
    """Transcode a folder of class folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--copies", type=int, default=1, help="encode and write each so many times")
    parser.add_argument("--size", type=int, default=0, help="encode only so many rows and columns")
    parser.add_argument("--processes", action="store_true", help="for many workers: no lock is shared")
    parser.add_argument("--no-files", action="store_true", help="hold the photos in memory, write nothing")
    options = parser.parse_args()
    pairs = list_pairs(options.source, options.target)
    if options.no_files:
        HELD.update((os.stat(path).st_ino, read(path)) for path, _ in pairs)
    stretches = [pairs[start : start + STRETCH] for start in range(0, len(pairs), STRETCH)]
    fork = multiprocessing.get_context("fork") if options.processes else None
    with fork.Pool(options.workers) if fork else ThreadPool(options.workers) as pool:
        for _ in pool.imap_unordered(partial(transcode, options), stretches):
            pass


if __name__ == "__main__":
    main()
