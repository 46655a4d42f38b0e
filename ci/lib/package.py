#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: package.py ARCHIVE.zip SECONDS FOLDER: the same archive of the same files,
whenever, wherever and by whomever they were made."""

from pathlib import Path
import sys
import time
import zipfile

UNIX = 3


def main():
    archive, seconds, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    with zipfile.ZipFile(archive, 'w') as out:
        for name in sorted(p.relative_to(folder).as_posix() for p in folder.rglob('*') if p.is_file()):
            entry = zipfile.ZipInfo(name, time.gmtime(seconds)[:6])
            entry.create_system = UNIX
            entry.external_attr = (0o755 if name.endswith('.exe') else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, (folder / name).read_bytes(), compresslevel=9)


if __name__ == '__main__':
    main()
