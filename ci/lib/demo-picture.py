#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: demo-picture.py CONTACT-SHEET.png PICTURE.png

Cut the first four frames out of what ci/demo leaves, and compress them, which
the demo does not: the picture in README.md.
"""

from pathlib import Path
import struct
import sys
import zlib

WIDTH, HEIGHT = 660, 128
SIGNATURE = b'\x89PNG\r\n\x1a\n'


def chunks(png):
    at = len(SIGNATURE)
    while at < len(png):
        length, kind = struct.unpack_from('>I4s', png, at)
        yield kind, png[at + 8:at + 8 + length]
        at += length + 12


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def main():
    png = Path(sys.argv[1]).read_bytes()
    parts = list(chunks(png))
    header = dict(parts)[b'IHDR']
    width, height = struct.unpack_from('>II', header)
    if header[8:] != b'\x08\x02\0\0\0' or width < WIDTH or height < HEIGHT:
        sys.exit(f'{sys.argv[1]} is not what the demo writes')

    size = 1 + 3 * width
    pixels = zlib.decompress(b''.join(data for kind, data in parts if kind == b'IDAT'))

    # Each byte less the one above it: frames are smooth from top to bottom.
    above, filtered = bytes(3 * WIDTH), bytearray()
    for y in range(HEIGHT):
        line = pixels[y * size + 1:y * size + 1 + 3 * WIDTH]
        filtered += b'\x02' + bytes((a - b) & 255 for a, b in zip(line, above))
        above = line

    Path(sys.argv[2]).write_bytes(SIGNATURE + chunk(b'IHDR', struct.pack('>II', WIDTH, HEIGHT) + header[8:]) +
                                  chunk(b'IDAT', zlib.compress(bytes(filtered), 9)) + chunk(b'IEND', b''))


if __name__ == '__main__':
    main()
