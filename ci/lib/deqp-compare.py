#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: deqp-compare.py OURS UPSTREAM

Print which cases of the Vulkan CTS end otherwise with the series than without
it, from the folders of two runs by deqp-runner: what there are more than some
of, in UPSTREAM/differences.csv alone. The exit status is 1 if a case is worse
with the series, or if no case has been run by both.
"""

from collections import defaultdict
from pathlib import Path
import sys

SHOWN = 25
# From bad to good. A case that is skipped has shown nothing.
ORDER = ['Missing', 'Timeout', 'Crash', 'Fail', 'Flake', 'KnownFlake', 'Warn', 'Skip', 'Pass']


def read(folder):
    lines = (Path(folder) / 'results.csv').read_text(encoding='utf-8').splitlines()
    return dict(line.split(',')[:2] for line in lines if line)


def rank(status):
    """What an expected failure is, only the list of these tells."""
    return ORDER.index(status) if status in ORDER else ORDER.index('Fail')


def main():
    ours, upstream = read(sys.argv[1]), read(sys.argv[2])
    both = sorted(ours.keys() & upstream.keys())
    kinds = defaultdict(list)
    for case in both:
        if ours[case] != upstream[case]:
            kinds[upstream[case], ours[case]].append(case)

    with open(Path(sys.argv[2]) / 'differences.csv', 'w', encoding='utf-8') as f:
        for (theirs, mine), cases in sorted(kinds.items()):
            f.writelines(f'{case},{theirs},{mine}\n' for case in cases)

    worse = 0
    for (theirs, mine), cases in sorted(kinds.items()):
        remark = ''
        if rank(mine) < rank(theirs):
            worse += len(cases)
            remark = ' (worse)'
        print(f'upstream {theirs}, ours {mine}: {len(cases)}{remark}')
        for case in cases[:SHOWN]:
            print(f'   {case}')
        if len(cases) > SHOWN:
            print('   ... and more: see differences.csv')
    print(f'{len(both)} cases run by both, {sum(map(len, kinds.values()))} differ, {worse} are worse with the series')
    return 1 if worse or not both else 0


if __name__ == '__main__':
    sys.exit(main())
