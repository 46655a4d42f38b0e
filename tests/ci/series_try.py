#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: series_try.py ROOT

TAP: series.py try names each hunk that does not apply to a tree, and why.
"""

from pathlib import Path
import subprocess
import sys
import tempfile

ROOT = Path(sys.argv[1]).resolve()
SERIES = ROOT / 'src' / 'runtime_glue' / 'series.py'

# (file, what is there, what it becomes, what is said); no file: it is gone
SPOILT = [
    ('src/vulkan/runtime/vk_queue.c', '/*\n', '/* One line more */\n/*\n', 'the whole series applies'),
    ('src/vulkan/runtime/vk_queue.c', 'first->_has_binary_permanent_semaphore_wait;',
     'first->_has_other_wait;', 'is "first->_has_other_wait;", not "first->_has_binary_permanent_semaphore_wait;"'),
    ('src/vulkan/runtime/vk_sync.h', 'enum vk_sync_features features;', 'enum vk_sync_features bits;',
     'it needs hunk 1 of b-win32-hooks/0002-'),
    ('src/vulkan/wsi/wsi_common.c', None, None, 'wsi_common.c: hunk 1: the file is not there'),
]


def run(tree):
    done = subprocess.run([sys.executable, SERIES, 'try', tree], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding='utf-8', check=False)
    return done.returncode, done.stdout


def result(number, good, name, said):
    if not good:
        print('\n'.join(f'# {line}' for line in said.splitlines()))
    print(f'{"" if good else "not "}ok {number} - {name}')
    return good


def main():
    print(f'1..{len(SPOILT) + 1}')
    with tempfile.TemporaryDirectory(prefix='series-try-') as temp:
        tree = Path(temp) / 'mesa'
        # Mesa as it is without the series
        subprocess.run([sys.executable, SERIES, 'fork', '--author', 'Test <test@localhost>', tree],
                       stdout=subprocess.DEVNULL, check=True)
        git = ['git', '-C', tree, 'checkout', '-q', '--force', '--detach']
        subprocess.run([*git, 'main'], check=True)
        status, said = run(tree)
        good = result(1, status == 0 and 'the whole series applies' in said, 'a pristine Mesa', said)
        for number, (file, before, after, message) in enumerate(SPOILT, 2):
            path = tree / file
            text = path.read_text(encoding='utf-8')
            if before is None:
                path.unlink()
            else:
                assert before in text, f'{before} is not in {file}'
                path.write_text(text.replace(before, after, 1), encoding='utf-8')
            status, said = run(tree)
            good &= result(number, status == (not message.startswith('the whole')) and message in said, message, said)
            path.write_text(text, encoding='utf-8')
    return not good


if __name__ == '__main__':
    sys.exit(main())
