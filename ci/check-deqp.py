#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: check-deqp.py [ROOT]

TAP: the suites and the expectation files in ci/deqp can be read, name files
that are there, and select the groups they are for. Expressions are Python's
here, Rust's in deqp-runner; what is used means the same in both.
"""

from pathlib import Path
import re
import sys
import tomllib

from lib import tap

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
DEQP = ROOT / 'ci' / 'deqp'

# Of a [[deqp]] section.
KEYS = {'deqp', 'deqp_args', 'caselists', 'include', 'skips', 'flakes', 'renderer_check',
        'version_check', 'tests_per_group', 'fraction', 'timeout', 'prefix', 'env'}
STATUS = {'Fail', 'Crash', 'Timeout', 'Missing', 'Warn'}

# Cases of the CTS, one of each group that must be run, and some that must not.
CASES = {
    'deqp-lvp-win32.toml': ([
        'dEQP-VK.api.external.fence.opaque_win32.reset_temporary',
        'dEQP-VK.api.external.fence.opaque_win32_kmt.transference_permanent',
        'dEQP-VK.api.external.semaphore.opaque_win32.signal_export_import_wait_temporary',
        'dEQP-VK.api.external.semaphore.opaque_win32_kmt.create_win32_permanent',
        'dEQP-VK.api.external.memory.opaque_win32.suballocated.host_visible.import_twice',
        'dEQP-VK.api.external.memory.opaque_win32_kmt.dedicated.image.info',
        'dEQP-VK.synchronization.cross_instance.dedicated.write_ssbo_compute_read_vertex_input.'
        'buffer_16384_binary_semaphore_win32',
        'dEQP-VK.synchronization2.cross_instance.suballocated.write_ssbo_compute_read_ssbo_compute.'
        'buffer_16384_timeline_semaphore_win32_kmt',
        'dEQP-VK.synchronization.signal_order.shared_binary_semaphore.'
        'write_copy_buffer_read_copy_buffer.buffer_16384_opaque_win32',
        'dEQP-VK.synchronization2.signal_order.shared_timeline_semaphore.'
        'write_copy_buffer_read_copy_buffer.buffer_16384_opaque_win32_kmt',
        'dEQP-VK.synchronization.signal_order.timeline_semaphore.'
        'write_copy_buffer_read_copy_buffer.buffer_16384',
        'dEQP-VK.synchronization.timeline_semaphore.wait.poll_signal_from_device',
        'dEQP-VK.synchronization2.timeline_semaphore.device_host.'
        'write_copy_buffer_read_copy_buffer.buffer_16384',
        'dEQP-VK.synchronization.implicit.timeline_semaphore.'
        'write_copy_buffer_read_copy_buffer.buffer_16384.0000',
        'dEQP-VK.synchronization2.basic.timeline_semaphore.one_queue',
    ], [
        'dEQP-VK.api.external.semaphore.opaque_fd.reimport_permanent',
        'dEQP-VK.synchronization.cross_instance.dedicated.write_ssbo_compute_read_vertex_input.'
        'buffer_16384_binary_semaphore_fd',
        'dEQP-VK.synchronization.op.single_queue.fence.write_copy_buffer_read_copy_buffer.buffer_16384',
        'dEQP-VK.api.smoke.triangle',
    ]),
    'deqp-lvp-win32-quick.toml': ([
        'dEQP-VK.api.external.fence.opaque_win32.reset_temporary',
        'dEQP-VK.api.external.memory.opaque_win32_kmt.dedicated.image.info',
        'dEQP-VK.synchronization2.cross_instance.suballocated.write_ssbo_compute_read_ssbo_compute.'
        'buffer_16384_timeline_semaphore_win32_kmt',
        'dEQP-VK.synchronization.signal_order.shared_binary_semaphore.'
        'write_copy_buffer_read_copy_buffer.buffer_16384_opaque_win32',
        'dEQP-VK.synchronization.timeline_semaphore.wait.poll_signal_from_device',
        'dEQP-VK.synchronization.implicit.timeline_semaphore.'
        'write_copy_buffer_read_copy_buffer.buffer_16384.0000',
        'dEQP-VK.synchronization2.basic.timeline_semaphore.one_queue',
        'dEQP-VK.info.device',
        'dEQP-VK.api.smoke.triangle',
        'dEQP-VK.api.object_management.single.device',
        'dEQP-VK.api.version_check.version',
    ], [
        'dEQP-VK.api.external.semaphore.opaque_fd.reimport_permanent',
        'dEQP-VK.synchronization.op.single_queue.fence.write_copy_buffer_read_copy_buffer.buffer_16384',
    ]),
    'deqp-lvp-win32-wsi.toml': ([
        'dEQP-VK.wsi.win32.surface.create',
        'dEQP-VK.wsi.win32.swapchain.create.composite_alpha',
        'dEQP-VK.wsi.win32.swapchain.render.basic',
    ], [
        'dEQP-VK.wsi.xcb.surface.create',
        'dEQP-VK.wsi.win32.maintenance1.scaling.resize_window.fifo.one_to_one.min_min.swapchain_wider',
    ]),
}


def expressions(words):
    for word in words:
        try:
            re.compile(word)
        except re.error as e:
            yield f'{word}: {e}'


def check_suite(path):
    try:
        suite = tomllib.loads(path.read_text(encoding='utf-8'))
    except (OSError, tomllib.TOMLDecodeError) as e:
        yield str(e)
        return
    sections = suite.get('deqp', [])
    if not sections or suite.keys() - {'deqp'}:
        yield 'wants [[deqp]] sections, and nothing else'
    include, seen = [], set()
    for number, section in enumerate(sections, 1):
        where = f'section {number}'
        for key in section.keys() - KEYS:
            yield f'{where}: unknown key {key}'
        for key in {'deqp', 'caselists', 'include', 'renderer_check'} - section.keys():
            yield f'{where}: no {key}'
        for key in ('skips', 'flakes'):
            for name in section.get(key, []):
                if not (DEQP / Path(name).name).is_file():
                    yield f'{where}: {key} names {name}, which is not in ci/deqp'
        words = section.get('include', []) + [section.get('renderer_check', '')]
        bad = list(expressions(words))
        yield from bad
        if not bad:
            include += section.get('include', [])
        # Results of the same case would be taken for each other.
        prefix = section.get('prefix', '')
        for word in section.get('include', []):
            if (prefix, word) in seen:
                yield f'{where}: {word} is run twice under one name'
            seen.add((prefix, word))
    wanted, unwanted = CASES.get(path.name, ([], []))
    if not wanted:
        yield 'check-deqp.py has no cases for this suite'
    for case in wanted:
        if not any(re.search(i, case) for i in include):
            yield f'does not run {case}'
    for case in unwanted:
        if any(re.search(i, case) for i in include):
            yield f'runs {case}'


def check_expectations(path):
    # Runs of lines: a comment belongs to the entries that follow without a blank.
    reason, patterns = None, set()
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip():
            reason = None
            continue
        if line.endswith(('.txt', '.txt.zst')):
            yield f'{number}: deqp-runner takes a line that ends in .txt, even a comment, for the name of a list'
        if line.startswith('#'):
            reason = f'{reason or ""}{line[1:].strip()} '
            continue
        if line != line.strip():
            yield f'{number}: blanks around {line.strip()}'
        if not reason or reason.startswith('SPDX'):
            yield f'{number}: no reason above {line}'
        if line in patterns:
            yield f'{number}: {line} is there twice'
        patterns.add(line)
        if path.name.endswith('-fails.txt'):
            name, _, status = line.partition(',')
            if status not in STATUS:
                yield f'{number}: {line} does not end in a status, such as ",Fail"'
        else:
            name = line.replace('\\.', '.')
            yield from (f'{number}: {e}' for e in expressions([line]))
        if not name.startswith(('dEQP-VK.', 'futex-dEQP-VK.')):
            yield f'{number}: {name} is no name of a case'


def main():
    suites = sorted(DEQP.glob('*.toml'))
    expectations = sorted(DEQP.glob('*.txt'))
    results = [(p.name, list(check_suite(p))) for p in suites]
    results += [(p.name, list(check_expectations(p))) for p in expectations]
    names = {p.name for p in suites + expectations}
    results.append(('files', [f'{n} is missing' for n in sorted(
        (CASES.keys() | {f'lvp-win32-{k}.txt' for k in ('fails', 'skips')}) - names)]))
    return tap.report(results)


if __name__ == '__main__':
    sys.exit(main())
