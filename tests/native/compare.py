#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: compare.py PROGRAM BUILD none|double|real

TAP: PROGRAM says the same of lavapipe for Linux with the series, which must be
right, as of the one without, case by case. See ci/native.
"""

import difflib
import os
from pathlib import Path
import subprocess
import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

# What the series repairs on purpose ("vulkan: consume binary semaphores of merged
# submits"): the case must fail without it.
REPAIRED = {'sync_fd: merged wait, first of its call'}


def run(program, driver, udmabuf, name):
    """(whether the case has passed, what it said)"""
    done = subprocess.run([program, driver, udmabuf, name], stdout=subprocess.PIPE, text=True, errors='replace',
                          check=False)
    said = done.stdout.splitlines()
    if done.returncode < 0:
        said.append(f'ended by signal {-done.returncode}')
    return done.returncode == 0, said


def judge(name, ours, upstream):
    if not ours[0]:
        yield 'fails with the series'
        yield from ours[1]
    elif not upstream[0]:
        if name not in REPAIRED:
            yield 'fails without the series'
            yield from upstream[1]
    # Where sync files are not there, nothing is to be repaired.
    elif name in REPAIRED and ours[1] != ['not reported']:
        yield 'passes without the series, too: is the repair still needed?'
    else:
        yield from difflib.unified_diff(upstream[1], ours[1], 'without the series', 'with it', lineterm='', n=0)


def main():
    program, build, udmabuf = sys.argv[1:]
    if udmabuf == 'real' and not os.access('/dev/udmabuf', os.R_OK | os.W_OK):
        return tap.skip_all('this machine has no /dev/udmabuf')
    halves = [f'{build}/native-{half}/libvulkan_lvp.so' for half in ('patched', 'upstream')]
    names = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return tap.report([(name, list(judge(name, *(run(program, half, udmabuf, name) for half in halves))))
                       for name in names])


if __name__ == '__main__':
    sys.exit(main())
