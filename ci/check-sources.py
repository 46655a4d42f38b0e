#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: check-sources.py gcc|msvc|msvc-arm64 BUILD-DIR

TAP: each C source of the sync type compiles without a warning
gcc         with the build's own compiler and flags, and -Wall -Wextra
msvc        with clang in the role of cl.exe, and Wine's headers in that of the
            Windows SDK (syntax and types only)
msvc-arm64  the same for ARM64
"""

import json
import os
import shlex
import subprocess
import sys

from lib import tap

MOUNT = '/src/vulkan/win32_sync/'
# Not the tests' own builds of the same files
LIBRARY = 'libvulkan_win32_sync.a.p/'

# Mesa's UNUSED says nothing to cl.exe, which has no warning for it at /W3.
MSVC = '''
   clang-19 -fms-extensions -fms-compatibility-version=19.29
   -fsyntax-only -std=c11 -Wall -Wextra -Wgnu
   -Wno-unused-parameter
   -idirafter /usr/include/wine/wine/msvcrt -idirafter /usr/include/wine/wine/windows
   -D_CRT_SECURE_NO_WARNINGS -DWIN32_LEAN_AND_MEAN -DNOMINMAX
   -D_WIN32_WINNT=0x0A00 -DWINVER=0x0A00 -DVK_USE_PLATFORM_WIN32_KHR
   -DUTIL_ARCH_LITTLE_ENDIAN=1 -DUTIL_ARCH_BIG_ENDIAN=0 -DHAVE_STRUCT_TIMESPEC
'''


def includes(command):
    """The -I of a command, as -isystem: warnings in Mesa's headers are not ours."""
    found = []
    for word in command:
        if word.startswith('-I'):
            found += ['-isystem', word[2:]]
    return found


def gcc_command(command, source):
    # Without ccache and the options that name outputs; the source is last.
    command = command[1:] if os.path.basename(command[0]) == 'ccache' else command
    skip = {'-o', '-MF', '-MQ', '-MT'}
    kept, words = [], iter(command)
    for word in words:
        if word in skip:
            next(words)
        elif word not in ('-MD', '-c') and not word.startswith(('-I', '-Wno-', '-fdiagnostics')) \
                and not word.endswith('.c'):
            kept.append(word)
    return kept + includes(command) + ['-Wall', '-Wextra', '-Werror', '-c', '-o', os.devnull, source]


def msvc_command(command, source, machine='x86_64'):
    shim = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib', 'msvc')
    return MSVC.split() + includes(command) + [
        f'--target={machine}-pc-windows-msvc', '-Werror', '-isystem', shim,
        '-include', os.path.join(shim, 'first.h'), source]


def msvc_arm64_command(command, source):
    return msvc_command(command, source, 'aarch64')


def main():
    which, build = sys.argv[1:]
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as f:
        entries = [e for e in json.load(f) if MOUNT in e['file'] and LIBRARY in e['output']]
    entries.sort(key=lambda e: e['file'])
    results = tap.Tap(len(entries))
    for entry in entries:
        make = {'gcc': gcc_command, 'msvc': msvc_command, 'msvc-arm64': msvc_arm64_command}[which]
        command = make(shlex.split(entry['command']), entry['file'])
        done = subprocess.run(command, cwd=entry['directory'], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding='utf-8', errors='replace')
        results.check(done.returncode == 0, os.path.basename(entry['file']), done.stdout)
    return results.end()


if __name__ == '__main__':
    sys.exit(main())
