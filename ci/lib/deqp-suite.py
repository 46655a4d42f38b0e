#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: deqp-suite.py SUITE.toml DEQP CASELIST FOLDER [TIMEOUT]

Print a deqp-runner suite with the program, the list of cases and the folder
of the expectation files put in for the paths of Mesa's test image, and a time
limit for each case, in seconds, that deqp-runner takes from nowhere else. The
exit status is 1 if the list has no case of the suite, of which deqp-runner
would only say that it is at fault itself.
"""

import json
import posixpath
from pathlib import Path
import re
import sys
import tomllib


def quoted(text):
    # A JSON string without control characters is a TOML string, too.
    return json.dumps(text, ensure_ascii=False)


def cases(caselist):
    for line in caselist.read_text(encoding='utf-8').split():
        if line.endswith('.txt'):
            yield from cases(caselist.parent / line)
        else:
            yield line


def has_any(caselist, suite):
    includes = [re.compile(i) for section in tomllib.loads(suite)['deqp'] for i in section['include']]
    return any(i.search(case) for case in cases(caselist) for i in includes)


def main():
    suite, deqp, caselist, folder, *timeout = sys.argv[1:]
    text = Path(suite).read_text(encoding='utf-8')
    if not has_any(Path(caselist), text):
        sys.exit(1)

    def expectations(m):
        names = re.findall(r'"([^"]*)"', m.group(2))
        files = [quoted(posixpath.join(folder, posixpath.basename(n))) for n in names]
        return f'{m.group(1)} = [{", ".join(files)}]'

    for line in text.splitlines(keepends=True):
        line = re.sub(r'^(skips|flakes) = \[(.*)\]$', expectations, line)
        if timeout and line.startswith('deqp = '):
            line += f'timeout = {float(timeout[0])}\n'
        line = re.sub(r'^deqp = .*', lambda _: f'deqp = {quoted(deqp)}', line)
        line = re.sub(r'^caselists = .*', lambda _: f'caselists = [{quoted(caselist)}]', line)
        sys.stdout.write(line)


if __name__ == '__main__':
    main()
