#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: check-messages.py

TAP: each message that the sync type and the patches can give is either read
by a test, of tests/driver/diagnostics.c or of the suites d3d12 and memory, or
listed in tests/driver/README.md as one that no test can provoke; each that is
listed can be given; and each test that README.md names is there.
"""

import re
import sys
from pathlib import Path

from lib import tap

ROOT = Path(__file__).resolve().parent.parent
SYNC = ROOT / 'src' / 'vulkan_win32_sync'
GLUE = ROOT / 'src' / 'runtime_glue'
DRIVER = ROOT / 'tests' / 'driver'
README = DRIVER / 'README.md'

LITERAL = r'L?"(?:[^"\\\n]|\\.)*"'
TOKEN = re.compile(rf'/\*.*?\*/|//[^\n]*|(?P<run>{LITERAL}(?:\s*(?:PRI\w+\s*)?{LITERAL})*'
                   rf'(?:\s*PRI\w+)?)|.', re.DOTALL)


def normal(text):
    """A format with all conversions alike, and no macro between its parts."""
    return re.sub(r'%[-0-9.]*[hlz]*[a-zA-Z]', '%', text)


def strings(source):
    """All string literals of a C source, adjacent ones joined."""
    for match in TOKEN.finditer(source):
        run = match.group('run')
        if run is None or run.startswith('L'):
            continue
        run = re.sub(r'%"\s*PRI\w+\s*"?', '%llu', run)
        run = ''.join(part.strip('"') for part in re.split(r'"\s*"', run))
        yield normal(run.replace('\\"', '"'))


def is_message(text):
    """Sentences, unlike option names and static assertions."""
    return text.count(' ') >= 2


def calls(source):
    """The parts of a source that give messages."""
    return re.findall(r'(?:vk_errorf|vk_logw|refuse)\(.*?;', source, re.DOTALL)


def patched(patch):
    """What the hunks of a patch leave behind."""
    return '\n'.join(line[1:] for line in patch.splitlines()
                     if line[:1] in ('+', ' ') and not line.startswith('+++'))


def messages():
    found = {}
    for path in sorted(SYNC.glob('*.c')):
        for text in filter(is_message, strings(path.read_text(encoding='utf-8'))):
            found.setdefault(text, path.name)
    for path in sorted(GLUE.glob('*/*.patch')):
        for call in calls(patched(path.read_text(encoding='utf-8'))):
            for text in filter(is_message, strings(call)):
                found.setdefault(text, path.name)
    return found


def tested():
    paths = [DRIVER / 'diagnostics.c', *(DRIVER.parent / 'd3d12').glob('*.c'),
             *(DRIVER.parent / 'memory').glob('*.c')]
    return {text for path in paths for text in strings(path.read_text(encoding='utf-8'))}


def code_spans(text):
    return [' '.join(span.split()) for span in re.findall(r'`([^`]+)`', text)]


def listed(readme):
    """The messages in the table of those that no test can provoke."""
    rows = readme.partition('| message | why |')[2].splitlines()[2:]
    return [normal(span) for row in rows for span in code_spans(row.split(' | ')[0])]


def has_case(program, case):
    """Whether a program's tables have a case, or those of a family `name_*`."""
    folder, _, name = program.rpartition('/')
    family = case.endswith('_*')
    pattern = re.escape(case[:-2]) + '(?:_[a-z0-9_]+)?' if family else re.escape(case)
    return any(re.search(rf'"{pattern}"', path.read_text(encoding='utf-8'))
               for path in (DRIVER.parent / (folder or 'driver')).glob(f'{name}*.c'))


def main():
    readme = README.read_text(encoding='utf-8')
    spans = code_spans(readme)
    unprovoked = listed(readme)
    read = tested()
    given = messages()
    results = []

    for text, where in given.items():
        wanted = re.compile(re.escape(text).replace('%', '.*'))
        known = text in unprovoked or any(wanted.match(t) for t in read)
        results.append((f'{where}: {text}'.replace('#', ''), [] if known else ['no test reads it']))

    stale = [text for text in unprovoked if text not in given]
    results.append((f'{len(unprovoked)} messages listed in {README.name}',
                    stale if unprovoked else ['there is no such list']))

    named = [re.fullmatch(r'((?:process/)?[a-z_]+): ([A-Za-z0-9_*]+)', span) for span in spans]
    named = [match.groups() for match in named if match]
    missing = [f'{p}: {c}' for p, c in named if not has_case(p, c)]
    results.append((f'{len(named)} tests named in {README.name}',
                    missing if len(named) > 100 else ['they should be more than 100']))
    return tap.report(results)


if __name__ == '__main__':
    sys.exit(main())
