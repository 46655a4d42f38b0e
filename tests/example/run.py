#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: run.py ROOT VULKAN-SDK SHARE.EXE

TAP: examples/share.c is built by the commands that README.md shows, compiles
without a warning, and does what it says.
"""

import importlib.util
from pathlib import Path
import subprocess
import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

ROOT, SDK, SHARE = (Path(p).resolve() for p in sys.argv[1:4])
SOURCE = ROOT / 'examples' / 'share.c'
FRAMES = ['255 0 0 255', '0 255 0 255', '0 0 255 255', '255 255 0 0']


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem.replace('-', '_'), path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def start(*arguments):
    return subprocess.Popen([ROOT / 'ci' / 'wine-run', SHARE, *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8', errors='replace')


def finish(process):
    said = process.communicate(timeout=120)[0].replace('\r', '')
    return process.returncode, said


def compiles(command):
    done = subprocess.run([*command, SOURCE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8',
                          cwd='/')
    assert done.returncode == 0, done.stdout


def readme_shows_the_commands():
    lines = (ROOT / 'README.md').read_text(encoding='utf-8').splitlines()
    commands = module(ROOT / 'examples' / 'build.py').commands(SOURCE)
    assert len(commands) == 2, commands
    for command in commands:
        assert command in lines, f'README.md does not show: {command}'


def no_warning_of_gcc():
    compiles(['x86_64-w64-mingw32-gcc', '-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-c', '-o', '/dev/null',
              f'-I{SDK}/include'])


def no_warning_for_msvc():
    sources = module(ROOT / 'ci' / 'check-sources.py')
    # The example defines the platform itself.
    shim = ROOT / 'ci' / 'lib' / 'msvc'
    compiles([*sources.MSVC.replace('-DVK_USE_PLATFORM_WIN32_KHR', '').split(), '--target=x86_64-pc-windows-msvc',
              '-Werror', '-isystem', SDK / 'include', '-isystem', shim, '-include', shim / 'first.h'])


def check_said(status, said):
    assert status == 0, f'exit status {status}\n{said}'
    seen = [line.partition(' is ')[2] for line in said.splitlines() if line.startswith('consumer: frame')]
    assert seen == FRAMES, said
    assert said.count('on llvmpipe') == 2, said


def shares():
    check_said(*finish(start()))


def several_at_once():
    for process in [start() for _ in range(4)]:
        check_said(*finish(process))


def another_device_is_refused():
    status, said = finish(start('0' * 64, '1', '1'))
    assert status == 1, f'exit status {status}\n{said}'
    assert 'no gpu' in said, said


def main():
    tests = [readme_shows_the_commands, no_warning_of_gcc, no_warning_for_msvc, shares, several_at_once,
             another_device_is_refused]
    return tap.run(tests)


if __name__ == '__main__':
    sys.exit(main())
