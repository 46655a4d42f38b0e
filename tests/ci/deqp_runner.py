#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Not deqp-runner, which Debian does not have: as much of its command line,
its suites and its expectation files as the test of ci/run-deqp needs.
"""

import argparse
import os
from pathlib import Path
import re
import subprocess
import sys
import tomllib


def lines(path):
    return [line for line in Path(path).read_text().splitlines() if line and not line.startswith('#')]


def run_section(section, number, output):
    cases = [c for name in section['caselists'] for c in lines(name)]
    skips = [s for name in section['skips'] for s in lines(name)]
    cases = [c for c in cases if any(re.search(i, c) for i in section['include'])
             and not any(re.search(s, c) for s in skips)]
    prefix = section.get('prefix', '')
    results = {prefix + c: 'Missing' for c in cases}
    if cases:
        caselist, log = output / f'c{number}.txt', output / f'c{number}.qpa'
        caselist.write_text('\n'.join(cases) + '\n')
        process = subprocess.Popen(
            [section['deqp'], *section['deqp_args'], f'--deqp-caselist-file={caselist}',
             f'--deqp-log-filename={log}'], stdout=subprocess.PIPE, encoding='utf-8', cwd='/',
            env={**os.environ, **section.get('env', {})})
        current = None
        for line in process.stdout:
            if m := re.match(r"Test case '(.*)'\.\.$", line):
                current = prefix + m.group(1)
                results[current] = 'Crash'
                if 'hang' in current:
                    results[current] = 'Timeout'
                    process.kill()
            elif current and (m := re.match(r'  (\w+) \(', line)):
                results[current] = {'NotSupported': 'Skip'}.get(m.group(1), m.group(1))
                current = None
        process.wait()
    return results


def suite(args):
    with open(args.suite, 'rb') as f:
        content = tomllib.load(f)
    output = Path(args.output)
    if any(output.iterdir()):
        sys.exit('the output folder is not empty')
    baseline = dict(line.rsplit(',', 1) for line in lines(args.baseline))
    results, failures = {}, {}
    for number, section in enumerate(content['deqp']):
        flakes = [s for name in section['flakes'] for s in lines(name)]
        for case, result in run_section(section, number, output).items():
            results[case] = result
            if any(re.search(f, case) for f in flakes):
                continue
            if baseline.get(case, 'Pass') != result and result != 'Skip':
                failures[case] = result if result != 'Pass' else 'UnexpectedImprovement(Pass)'
    for name, table in (('results', results), ('failures', failures)):
        (output / f'{name}.csv').write_text(''.join(f'{k},{v}\n' for k, v in table.items()))
    (output / 'arguments').write_text(f'{args.jobs} {args.fraction} {args.max_fails}\n')
    status = os.environ.get('TEST_RUNNER_STATUS')
    return int(status) if status else 1 if failures else 0


def junit(args):
    Path(args.output).write_text('<testsuites/>\n')
    return 0


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest='command', required=True)
    p = commands.add_parser('suite')
    for name in ('suite', 'output', 'baseline', 'jobs', 'fraction'):
        p.add_argument(f'--{name}', required=True)
    p.add_argument('--max-fails')
    p = commands.add_parser('junit')
    for name in ('testsuite', 'results', 'output', 'limit', 'template'):
        p.add_argument(f'--{name}', required=True)
    args = parser.parse_args()
    return suite(args) if args.command == 'suite' else junit(args)


if __name__ == '__main__':
    sys.exit(main())
