#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: build.py SOURCE.C VULKAN-SDK PROGRAM.EXE: build an example by the command that is in its first comment."""

import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tempfile


def commands(source):
    """Of MinGW and of cl."""
    return re.findall(r'^ \* ((?:x86_64-w64-mingw32-gcc|cl) .*)$', source.read_text(encoding='utf-8'), re.MULTILINE)


def main():
    source, sdk, program = (Path(p).resolve() for p in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(source, folder)
        # For the linker: the same program each time.
        env = {**os.environ, 'VULKAN_SDK': str(sdk), 'SOURCE_DATE_EPOCH': '0'}
        subprocess.run(commands(source)[0], shell=True, check=True, cwd=folder, env=env)
        shutil.copyfile(Path(folder) / program.name, program)


if __name__ == '__main__':
    main()
