#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: run.py ROOT BUILD

TAP: what ci/package has left in BUILD/package is whole, says nothing of the
machine that made it, and works in a Wine prefix that has nothing else.
"""

import calendar
import os
from pathlib import Path
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

ROOT, BUILD = (Path(p).resolve() for p in sys.argv[1:3])
FILES = {'README.txt', 'devices.exe', 'lvp_icd.x86_64.json', 'register.cmd', 'register.ps1', 'share.c',
         'share.exe', 'unregister.cmd', 'unregister.ps1', 'vulkan-1.dll', 'vulkan_lvp.dll'}
LICENCES = {'lavapipe-win32-sync': 'MIT License', 'mesa': 'Mesa', 'mesa-MIT': 'Permission', 'mesa-Apache-2.0': 'Apache',
            'mesa-BSL-1.0': 'Boost', 'mesa-SGI-B-2.0': 'SGI', 'mesa-xxhash': 'BSD', 'llvm': 'LLVM Exceptions',
            'llvm-regex': 'Henry Spencer', 'llvm-blake3': 'CC0', 'vulkan-loader': 'Apache License',
            'vulkan-loader-cJSON': 'Dave Gamble', 'gcc-mingw-w64-x86-64-posix-runtime': 'GCC RUNTIME LIBRARY EXCEPTION',
            'mingw-w64-x86-64-dev': 'winpthreads', 'directx-headers-dev': 'Microsoft', 'GPL-3': 'Version 3'}
KEY = r'SOFTWARE\Khronos\Vulkan\Drivers'
# What a user might call it, and cmd.exe trips over.
FOLDER = 'my programs (x86)', 'lavapipe & co'
MANIFEST = '\\'.join(['C:', *FOLDER, 'lvp_icd.x86_64.json'])


class Package:
    def __init__(self, temp):
        self.temp = temp
        archives = sorted((BUILD / 'package').glob('*.zip'))
        assert len(archives) == 2, f'ci/package has left {archives}'
        self.symbols = next(a for a in archives if a.stem.endswith('-symbols'))
        self.archive = next(a for a in archives if a != self.symbols)
        self.prefix = temp / 'prefix'
        self.folder = self.prefix.joinpath('drive_c', *FOLDER)
        self.env = {'PATH': '/usr/bin:/bin', 'HOME': os.environ.get('HOME', '/tmp'), 'WINEDEBUG': '-all',
                    'WINEPREFIX': str(self.prefix), 'WINEDLLOVERRIDES': 'vulkan-1=n;winevulkan=;mscoree,mshtml='}

    def run(self, *command, cwd=None, timeout=120):
        # Not a pipe, which what Wine starts would hold open.
        with open(self.temp / 'out', 'w+', encoding='utf-8', errors='replace', newline='') as out:
            status = subprocess.run(command, cwd=cwd or self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, timeout=timeout).returncode
            out.seek(0)
            self.said = out.read().replace('\r', '')
        return status

    def expect(self, status, *command):
        found = self.run('wine', *command)
        assert found == status, f'{command}: exit status {found}\n{self.said}'

    def script(self, status, said, *command):
        self.expect(status, 'cmd.exe', '/c', *command)
        assert self.said.splitlines() == said, f'{command} says: {self.said}'

    def finds_no_driver(self):
        status = self.run('wine', 'devices.exe')
        assert status == 1 and 'failed: -9' in self.said, f'devices.exe: exit status {status}\n{self.said}'

    def registered(self, root):
        found = self.run('wine', 'reg.exe', 'query', f'{root}\\{KEY}', '/v', MANIFEST) == 0
        return found and 'REG_DWORD' in self.said and '0x0' in self.said


def whole(package):
    with zipfile.ZipFile(package.archive) as z:
        assert z.testzip() is None
        names = z.namelist()
        wanted = FILES | {f'licences/{name}.txt' for name in LICENCES}
        assert set(names) == wanted and names == sorted(names), set(names) ^ wanted
        assert len({i.date_time for i in z.infolist()}) == 1, 'time stamps'
        for name, words in LICENCES.items():
            assert words in z.read(f'licences/{name}.txt').decode('utf-8', 'replace'), f'{name} does not say {words}'
        for name in names:
            data = z.read(name)
            if name.endswith(('.cmd', '.ps1', '.txt')):
                assert data.count(b'\n') == data.count(b'\r\n'), f'{name} ends lines as Unix does'
        lines = z.read('README.txt').decode('ascii').splitlines()
        assert len(lines) < 50 and max(map(len, lines)) <= 80 and not re.search('@[A-Z]+@', '\n'.join(lines)), lines
        assert z.read('share.c') == (ROOT / 'examples' / 'share.c').read_bytes()


def no_trace_of_the_machine(package):
    with zipfile.ZipFile(package.archive) as z, zipfile.ZipFile(package.symbols) as symbols:
        files = [(name, z.read(name)) for name in z.namelist()]
        files += [(name, symbols.read(name)) for name in symbols.namelist()]
    cache = os.environ.get('LVP_SYNC_CACHE', str(Path.home() / '.cache' / 'lavapipe-win32-sync'))
    for name, data in files:
        for place in (str(ROOT), str(BUILD), cache):
            at = data.find(place.encode())
            assert at < 0, f'{name} has {data[at - 40:at + 80]}'
        if name.endswith(('.dll', '.exe')):
            stamp = struct.unpack_from('<I', data, struct.unpack_from('<I', data, 60)[0] + 8)[0]
            assert stamp == 0, f'{name} has a time stamp, {stamp}'


def packed_again(package):
    """By somebody with another umask, at another time."""
    with zipfile.ZipFile(package.archive) as z:
        seconds = z.infolist()[0].date_time
        for name in reversed(z.namelist()):
            target = package.temp / 'again' / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(z.read(name))
            target.chmod(0o600)
    copy = package.temp / 'again.zip'
    subprocess.run([ROOT / 'ci' / 'lib' / 'package.py', copy, str(calendar.timegm(seconds)), package.temp / 'again'],
                   env={**os.environ, 'TZ': 'Asia/Tokyo'}, check=True)
    assert copy.read_bytes() == package.archive.read_bytes()


def symbols_fit(package):
    with zipfile.ZipFile(package.archive) as z, zipfile.ZipFile(package.symbols) as symbols:
        assert symbols.namelist() == ['vulkan_lvp.dll.debug'], symbols.namelist()
        crc = struct.pack('<I', zlib.crc32(symbols.read('vulkan_lvp.dll.debug')))
        dll = z.read('vulkan_lvp.dll')
    at = dll.rfind(b'vulkan_lvp.dll.debug\0')
    assert at >= 0 and dll[at + 24:at + 28] == crc, 'the DLL names other symbols'


def imports(package):
    with zipfile.ZipFile(package.archive) as z:
        z.extractall(package.temp / 'imports')
    programs = sorted(p for p in (package.temp / 'imports').iterdir() if p.suffix in ('.dll', '.exe'))
    done = subprocess.run([ROOT / 'ci' / 'check-imports', *programs], stdout=subprocess.PIPE, encoding='utf-8',
                          check=True)
    # The loader is one of the files.
    bad = [line for line in done.stdout.splitlines() if line.startswith('not ok')
           and not line.endswith('.exe imports vulkan-1.dll')]
    assert len(programs) == 4 and not bad, done.stdout


def powershell_is_cmd(package):
    for name in ('register', 'unregister'):
        code = [line for line in (ROOT / 'dist' / 'package' / f'{name}.ps1').read_text().splitlines()
                if not line.startswith('#')]
        assert code == [f'& "$PSScriptRoot\\{name}.cmd" @args', 'Exit $LASTEXITCODE'], code


def new_prefix(package):
    package.prefix.mkdir()
    assert package.run('wine', 'wineboot.exe', '--init', cwd=package.prefix) == 0, package.said
    package.folder.mkdir(parents=True)
    with zipfile.ZipFile(package.archive) as z:
        z.extractall(package.folder)
    # Without a display, Wine's DXGI, which the loader asks, needs it.
    package.expect(0, 'reg.exe', 'add', r'HKCU\Software\Wine\Direct3D', '/v', 'renderer', '/d', 'no3d', '/f')
    # As Windows without a GPU: neither of them is there.
    (package.prefix / 'drive_c/windows/system32/vulkan-1.dll').unlink()
    package.finds_no_driver()


def registers(package):
    package.script(0, [f'Registered for all users, in HKLM\\{KEY}:', f'   "{MANIFEST}"',
                       'Windows has no Vulkan loader: '
                       'add this folder to PATH, or copy its vulkan-1.dll to the programs.'],
                   'register.cmd')
    assert package.registered('HKLM') and not package.registered('HKCU')


def devices(package):
    package.expect(0, 'devices.exe')
    assert 'deviceName: llvmpipe' in package.said, package.said
    for kind in ('fence', 'semaphore', 'memory'):
        assert f'VK_KHR_external_{kind}_win32' in package.said, package.said


def share(package):
    package.expect(0, 'share.exe')
    assert 'the consumer has seen all frames' in package.said, package.said


def other_programs_by_path(package):
    """The loader is found, by whoever is elsewhere."""
    elsewhere = package.prefix / 'drive_c' / 'elsewhere'
    elsewhere.mkdir()
    shutil.copy(package.folder / 'devices.exe', elsewhere)
    status = package.run('wine', 'devices.exe', cwd=elsewhere)
    assert status != 0, package.said
    package.env['WINEPATH'] = '\\'.join(['C:', *FOLDER])
    status = package.run('wine', 'devices.exe', cwd=elsewhere)
    del package.env['WINEPATH']
    assert status == 0 and 'deviceName: llvmpipe' in package.said, package.said


def unregisters(package):
    package.script(0, [f'Removed from HKLM\\{KEY}:', f'   "{MANIFEST}"'], 'unregister.cmd')
    assert not package.registered('HKLM'), package.said
    package.finds_no_driver()
    package.script(0, [f'It was not registered: "{MANIFEST}"'], 'unregister.cmd')


def for_one_user(package):
    (package.prefix / 'drive_c/windows/system32/vulkan-1.dll').touch()
    package.script(0, [f'Registered for this user, in HKCU\\{KEY}:', f'   "{MANIFEST}"',
                       'Programs that run as administrator do not look there.'], 'register.cmd', 'user')
    assert package.registered('HKCU') and not package.registered('HKLM')
    package.script(0, [f'Removed from HKCU\\{KEY}:', f'   "{MANIFEST}"'], 'unregister.cmd')
    assert not package.registered('HKCU')


def refused(package):
    package.script(2, ['usage: register [user]'], 'register.cmd', 'everybody')
    (package.folder / 'lvp_icd.x86_64.json').unlink()
    package.script(1, [f'There is no "{MANIFEST}"'], 'register.cmd')
    assert not package.registered('HKLM') and not package.registered('HKCU')


def main():
    tests = [whole, no_trace_of_the_machine, packed_again, symbols_fit, imports, powershell_is_cmd, new_prefix,
             registers, devices, share, other_programs_by_path, unregisters, for_one_user, refused]
    with tempfile.TemporaryDirectory(prefix='package-') as temp:
        package = Package(Path(temp))
        failed = tap.run(tests, package)
        for option in '-k', '-w':
            package.run('wineserver', option, cwd=temp)
    return failed


if __name__ == '__main__':
    sys.exit(main())
