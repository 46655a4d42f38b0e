#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: deqp-suite.py SUITE.toml DEQP CASELIST FOLDER [TIMEOUT]

Print a deqp-runner suite with the program, the list of cases and the folder
of the expectation files put in for the paths of Mesa's test image, and a time
limit for each case, in seconds, that deqp-runner takes from nowhere else.
"""

import json
import posixpath
import re
import sys


def quoted(text):
    # A JSON string without control characters is a TOML string, too.
    return json.dumps(text, ensure_ascii=False)


def main():
    suite, deqp, caselist, folder, *timeout = sys.argv[1:]

    def expectations(m):
        names = re.findall(r'"([^"]*)"', m.group(2))
        files = [quoted(posixpath.join(folder, posixpath.basename(n))) for n in names]
        return f'{m.group(1)} = [{", ".join(files)}]'

    with open(suite, encoding='utf-8') as f:
        for line in f:
            line = re.sub(r'^(skips|flakes) = \[(.*)\]$', expectations, line)
            if timeout and line.startswith('deqp = '):
                line += f'timeout = {float(timeout[0])}\n'
            line = re.sub(r'^deqp = .*', lambda _: f'deqp = {quoted(deqp)}', line)
            line = re.sub(r'^caselists = .*', lambda _: f'caselists = [{quoted(caselist)}]', line)
            sys.stdout.write(line)


if __name__ == '__main__':
    main()
