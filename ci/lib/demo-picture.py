#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: demo-picture.py CONTACT-SHEET.ppm CONTACT-SHEET.png PICTURE.png

Make a PNG of what the demo writes, and one of its first four frames: the
picture in README.md.
"""

from pathlib import Path
import re
import struct
import sys
import zlib

WIDTH, HEIGHT = 660, 128
SIGNATURE = b'\x89PNG\r\n\x1a\n'


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(lines):
    # Each byte less the one above it: frames are smooth from top to bottom.
    above, filtered = bytes(len(lines[0])), bytearray()
    for line in lines:
        filtered += b'\x02' + bytes((a - b) & 255 for a, b in zip(line, above))
        above = line
    # 8 bits per channel, RGB
    header = struct.pack('>II', len(lines[0]) // 3, len(lines)) + b'\x08\x02\0\0\0'
    return (SIGNATURE + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(bytes(filtered), 9)) +
            chunk(b'IEND', b''))


def main():
    data = Path(sys.argv[1]).read_bytes()
    head = re.match(rb'P6\n(\d+) (\d+)\n255\n', data)
    width, height = (int(n) for n in head.groups()) if head else (0, 0)
    if width < WIDTH or height < HEIGHT or len(data) != head.end() + 3 * width * height:
        sys.exit(f'{sys.argv[1]} is not what the demo writes')
    lines = [data[at:at + 3 * width] for at in range(head.end(), len(data), 3 * width)]
    Path(sys.argv[2]).write_bytes(png(lines))
    Path(sys.argv[3]).write_bytes(png([line[:3 * WIDTH] for line in lines[:HEIGHT]]))


if __name__ == '__main__':
    main()
