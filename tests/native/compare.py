#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: compare.py PROGRAM BUILD none|double|real

TAP: PROGRAM says the same of lavapipe for Linux with the series, which must be
right, as of the one without, case by case. See ci/native.
"""

import os
from pathlib import Path
import subprocess
import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

# What the series repairs on purpose ("vulkan: consume binary semaphores of merged
# submits"): the case must fail without it.
REPAIRED = {'sync_fd: merged wait, first of its call'}
SECONDS = 240


def results(program, driver, udmabuf):
    """{name of the case: (passed, what it said)}"""
    run = subprocess.run([program, driver, udmabuf], stdout=subprocess.PIPE, text=True,
                         errors='replace', timeout=SECONDS)
    cases, said, plan = {}, [], None
    for line in run.stdout.splitlines():
        if line.startswith('#'):
            said.append(line[1:].strip())
        elif line.startswith(('ok ', 'not ok ')):
            name = line.split(' - ', 1)[1]
            assert name not in cases, name
            cases[name] = (line.startswith('ok'), said)
            said = []
        elif line.startswith('1..'):
            plan = int(line[3:])
    assert cases and plan == len(cases), f'{driver}: {len(cases)} cases, planned: {plan}'
    return cases


def differences(ours, upstream):
    for line in ours:
        if line not in upstream:
            yield f'with the series: {line}'
    for line in upstream:
        if line not in ours:
            yield f'without: {line}'
    if ours != upstream and set(ours) == set(upstream):
        yield 'the same lines, in another order or number'


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
        yield from differences(ours[1], upstream[1])


def main():
    program, build, udmabuf = sys.argv[1:]
    if udmabuf == 'real' and not os.access('/dev/udmabuf', os.R_OK | os.W_OK):
        return tap.skip_all('this machine has no /dev/udmabuf')
    ours, upstream = (results(program, f'{build}/native-{half}/libvulkan_lvp.so', udmabuf)
                      for half in ('patched', 'upstream'))
    names = list(dict.fromkeys([*ours, *upstream]))
    verdicts = []
    for name in names:
        if name in ours and name in upstream:
            bad = list(judge(name, ours[name], upstream[name]))
        else:
            bad = ['is not there in both']
        verdicts.append((name, bad))
    return tap.report(verdicts)


if __name__ == '__main__':
    sys.exit(main())
