#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: series_try.py ROOT

TAP: series.py try names each hunk that does not apply to a tree, and why.
"""

from pathlib import Path
import subprocess
import sys
import tempfile

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

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


def main():
    results = tap.Tap(len(SPOILT) + 1)
    with tempfile.TemporaryDirectory(prefix='series-try-') as temp:
        tree = Path(temp) / 'mesa'
        # Mesa as it is without the series
        subprocess.run([sys.executable, SERIES, 'fork', '--author', 'Test <test@localhost>', tree],
                       stdout=subprocess.DEVNULL, check=True)
        git = ['git', '-C', tree, 'checkout', '-q', '--force', '--detach']
        subprocess.run([*git, 'main'], check=True)
        status, said = run(tree)
        results.check(status == 0 and 'the whole series applies' in said, 'a pristine Mesa', said)
        for file, before, after, message in SPOILT:
            path = tree / file
            text = path.read_text(encoding='utf-8')
            if before is None:
                path.unlink()
            else:
                assert before in text, f'{before} is not in {file}'
                path.write_text(text.replace(before, after, 1), encoding='utf-8')
            status, said = run(tree)
            results.check(status == (not message.startswith('the whole')) and message in said, message, said)
            path.write_text(text, encoding='utf-8')
    return results.end()


if __name__ == '__main__':
    sys.exit(main())
