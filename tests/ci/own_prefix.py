#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: own_prefix.py ROOT DEVINFO.EXE WINEVULKAN_FIRST.EXE

TAP: what `ci/env --prefix` leaves is a Wine prefix in which programs use the
driver with no environment but WINEPREFIX; and it can be taken back.
"""

import os
from pathlib import Path
import subprocess
import sys
import tempfile

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

ROOT = Path(sys.argv[1]).resolve()
DEVINFO, WINEVULKAN_FIRST = (Path(p).resolve() for p in sys.argv[2:4])
SCRUBBED = {'PATH': '/usr/bin:/bin', 'HOME': os.environ.get('HOME', '/tmp')}


class Prefix:
    def __init__(self, temp):
        self.temp = temp
        self.path = temp / 'a prefix'
        self.env = {**SCRUBBED, 'WINEPREFIX': str(self.path)}
        self.ours = self.path / 'drive_c' / 'lavapipe'

    def run(self, *command, env=None):
        # Not a pipe, which what Wine starts would hold open.
        with open(self.temp / 'out', 'w+') as out:
            status = subprocess.run(command, env=env or self.env, stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, timeout=120).returncode
            out.seek(0)
            self.said = out.read()
        return status

    def set_up(self, path=None):
        # A user's environment, in which nothing may be taken for ours
        return self.run(ROOT / 'ci' / 'env', '--prefix', path or self.path,
                        env={**os.environ, 'WINEPREFIX': '/nowhere', 'WINEDLLOVERRIDES': 'vulkan-1=b'})

    def check_driver(self):
        assert self.run('wine', DEVINFO) == 0, self.said
        assert 'deviceName: llvmpipe' in self.said and 'VK_KHR_external_semaphore_win32' in self.said, self.said


def new(prefix):
    assert prefix.set_up() == 0 and 'The new Wine prefix' in prefix.said, prefix.said
    prefix.check_driver()


def winevulkan_first(prefix):
    assert prefix.run('wine', WINEVULKAN_FIRST) == 0, prefix.said
    assert 'vulkan-1.dll: llvmpipe' in prefix.said, prefix.said


def again(prefix):
    (prefix.ours / 'vulkan_lvp.dll').write_bytes(b'')
    assert prefix.set_up() == 0 and 'The existing Wine prefix' in prefix.said, prefix.said
    prefix.undo = prefix.said.partition('Undo it:')[2]
    prefix.check_driver()


def undone(prefix):
    assert prefix.run('bash', '-c', prefix.undo) == 0, prefix.said
    assert not prefix.ours.exists()
    assert prefix.run('wine', 'reg.exe', 'query', r'HKCU\Software\Wine\DllOverrides') == 0, prefix.said
    assert 'vulkan' not in prefix.said, prefix.said
    assert prefix.run('wine', WINEVULKAN_FIRST) != 0 or 'winevulkan.dll: ' in prefix.said, prefix.said


def refused(prefix):
    folder = prefix.temp / 'folder'
    folder.mkdir()
    (folder / 'file').touch()
    assert prefix.set_up(folder) == 1 and 'no Wine prefix' in prefix.said, prefix.said
    assert [p.name for p in folder.iterdir()] == ['file']


def main():
    tests = [new, winevulkan_first, again, undone, refused]
    with tempfile.TemporaryDirectory(prefix='own-prefix-') as temp:
        prefix = Prefix(Path(temp))
        failed = tap.run(tests, prefix)
        prefix.run('wineserver', '-k')
        prefix.run('wineserver', '-w')
    return failed


if __name__ == '__main__':
    sys.exit(main())
