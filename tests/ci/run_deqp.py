#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: run_deqp.py ROOT DEQP_VK.EXE

TAP: ci/run-deqp finds what it needs in the folder it is given or says what is
missing, and has deqp-runner run the Windows program under Wine with the
arguments, files and environment of the suite; what the program does is told
by the exit status and by the files that are left. The program is that of this
folder, and does what the names of its cases say.
"""

import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

ROOT, DEQP_VK = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
BUILD = Path(os.environ.get('LVP_SYNC_BUILD', ROOT / 'build'))

# A group of each section of the suite. The last section runs FENCE's once more.
FENCE = 'dEQP-VK.api.external.fence.opaque_win32'
MEMORY = 'dEQP-VK.api.external.memory.opaque_win32'
CROSS = 'dEQP-VK.synchronization.cross_instance.dedicated'
TIMELINE = 'dEQP-VK.synchronization2.timeline_semaphore.device_host'
OTHERS = ['dEQP-VK.api.external.semaphore.opaque_fd.fail', 'dEQP-VK.api.smoke.fail']

# For a program that has to be started first, on a busy machine.
TIMEOUT = '10'


def deqp_runner():
    run = subprocess.run([ROOT / 'ci' / 'deqp-runner'], stdin=subprocess.DEVNULL, capture_output=True,
                         encoding='utf-8', check=False)
    if run.returncode == 77:
        raise tap.Skip(run.stderr.strip().splitlines()[-1])
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout.splitlines()[-1]


class Folder:
    """A folder like that of a CTS, the results, and scripts with expectation files of their own."""

    def __init__(self, temp, name, cases=(f'{FENCE}.pass',), program=True, caselist=True):
        self.top = temp / name
        # Blanks, since folders of Windows have them.
        self.deqp = self.top / 'Vulkan CTS'
        (self.deqp / 'vulkan').mkdir(parents=True)
        (self.deqp / 'vulkan' / 'data.txt').write_text('data\n')
        if program:
            shutil.copy(DEQP_VK, self.deqp / 'deqp-vk.exe')
        if caselist:
            (self.deqp / 'vk-main.txt').write_text('\n'.join([*OTHERS, *cases]) + '\n')
        self.output = self.top / 'results'
        shutil.copytree(ROOT / 'ci', self.top / 'ci')

    def expect(self, name, *lines):
        (self.top / 'ci' / 'deqp' / f'lvp-win32-{name}.txt').write_text('# For a reason.\n' + '\n'.join(lines) + '\n')

    def start(self, *arguments, env=None):
        process = subprocess.Popen(
            [self.top / 'ci' / 'run-deqp', '--output', self.output, *arguments, self.deqp],
            env={**os.environ, 'LVP_SYNC_BUILD': str(BUILD), **(env or {})}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8')
        try:
            self.said, _ = process.communicate(timeout=240)
        except subprocess.TimeoutExpired:
            # A Windows program, too, is in its group.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return process.returncode

    def run(self, *arguments, env=None):
        return self.start(*arguments, env={'DEQP_RUNNER': deqp_runner(), **(env or {})})

    def table(self, name='results'):
        lines = (self.output / f'{name}.csv').read_text().splitlines()
        return dict(line.split(',')[:2] for line in lines)

    def junit(self):
        return list(ElementTree.parse(self.output / 'junit.xml').iter('testcase'))


def refused(temp):
    for wrong, has, options, env, message in [
            ('program', {'program': False}, [], {}, 'no deqp-vk.exe in'),
            ('runner', {}, [], {'DEQP_RUNNER': '/none/such'}, 'there is no /none/such'),
            ('suite', {}, ['--suite', 'other'], {}, 'no suite other'),
            ('driver', {}, ['--driver', temp], {}, 'no vulkan_lvp.dll'),
            ('options', {}, ['--what'], {}, 'usage:'),
            ('cases', {'cases': ()}, [], {'DEQP_RUNNER': 'true'}, 'has no case of the suite win32')]:
        folder = Folder(temp, wrong, **has)
        assert folder.start(*options, env=env) == 2 and message in folder.said, f'{wrong}: {folder.said}'


def all_pass(temp):
    folder = Folder(temp, 'pass', [f'{FENCE}.pass', f'{FENCE}.none', f'{MEMORY}.noise', f'{CROSS}.pass_win32',
                                   f'{TIMELINE}.warn'])
    assert folder.run('--jobs', '2') == 0, folder.said
    assert folder.table() == {
        f'{FENCE}.pass': 'Pass', f'{FENCE}.none': 'Skip', f'{MEMORY}.noise': 'Pass',
        f'{CROSS}.pass_win32': 'Pass', f'{TIMELINE}.warn': 'Warn',
        f'futex-{FENCE}.pass': 'Pass', f'futex-{FENCE}.none': 'Skip'}, folder.table()
    assert 'Pass: 4, Warn: 1, Skip: 2' in folder.said, folder.said
    assert folder.table('failures') == {}
    assert not (folder.output / 'junit.xml').exists()

    called = (folder.deqp / 'called.txt').read_text().splitlines()
    assert 'argument --deqp-surface-width=256' in called, called
    windows = 'Z:' + str(folder.output).replace('/', '\\')
    assert f'argument --deqp-caselist-file={windows}\\c0.r1.caselist.txt' in called, called
    assert 'environment MESA_VK_IGNORE_CONFORMANCE_WARNING=true' in called, called
    # Each section asks for the device's name first.
    assert called.count('argument --deqp-case=dEQP-VK.info.device') == 4, called
    for parker in ('keyed', 'futex'):
        assert f'environment MESA_VK_WIN32_PARKER={parker}' in called, called
    assert 'data found' in called and 'data missing' not in called, called


def wrong_device(temp):
    folder = Folder(temp, 'device')
    assert folder.run(env={'TEST_DEQP_DEVICE': 'another driver'}) == 1, folder.said
    assert 'Renderer mismatch (llvmpipe)' in folder.said, folder.said
    assert not (folder.deqp / 'called.txt').read_text().count('--deqp-caselist-file'), folder.said


def verdicts(temp):
    folder = Folder(temp, 'verdicts', [
        f'{MEMORY}.{word}' for word in ('fail', 'fail_known', 'fail_else', 'fail_skipped', 'pass', 'pass_fixed')
    ] + [
        f'{TIMELINE}.{word}' for word in ('crash', 'crash_known', 'flake', 'pass', 'pass_too')
    ] + [f'{CROSS}.{word}_win32' for word in ('hang', 'pass')])
    folder.expect('fails', f'{MEMORY}.fail_known,Fail', f'{MEMORY}.fail_else,Crash', f'{MEMORY}.pass_fixed,Fail',
                  f'{TIMELINE}.crash_known,Crash')
    folder.expect('skips', f'{MEMORY}.fail_skipped'.replace('.', '\\.'))
    assert folder.run('--jobs', '2', '--timeout', TIMEOUT) == 1, folder.said

    failures = {
        f'{MEMORY}.fail': 'Fail', f'{MEMORY}.fail_else': 'UnexpectedImprovement(Fail)',
        f'{MEMORY}.pass_fixed': 'UnexpectedImprovement(Pass)', f'{TIMELINE}.crash': 'Crash',
        f'{CROSS}.hang_win32': 'Timeout'}
    assert folder.table('failures') == failures, folder.said
    assert folder.table() == {
        **failures, f'{MEMORY}.fail_known': 'ExpectedFail', f'{MEMORY}.fail_skipped': 'Skip',
        f'{MEMORY}.pass': 'Pass', f'{TIMELINE}.crash_known': 'ExpectedFail', f'{TIMELINE}.flake': 'Flake',
        f'{TIMELINE}.pass': 'Pass', f'{TIMELINE}.pass_too': 'Pass',
        # What comes behind a hang or a crash is run all the same.
        f'{CROSS}.pass_win32': 'Pass'}, folder.table()
    junit = {case.get('name'): case.find('failure').get('message') for case in folder.junit()}
    assert junit == {case: f'See {case}.qpa' for case in failures}, junit
    assert (folder.output / f'{MEMORY}.fail.qpa').exists(), folder.said


def list_of_lists(temp):
    folder = Folder(temp, 'lists', caselist=False)
    lists = folder.deqp / 'external' / 'vulkancts' / 'mustpass' / 'main'
    (lists / 'vk-default').mkdir(parents=True)
    (lists / 'vk-default.txt').write_text('vk-default/api.txt\nvk-default/synchronization2.txt\n')
    (lists / 'vk-default' / 'api.txt').write_text(f'{MEMORY}.pass\n')
    (lists / 'vk-default' / 'synchronization2.txt').write_text(f'{TIMELINE}.pass\n')
    assert folder.run() == 0, folder.said
    assert folder.table() == {f'{MEMORY}.pass': 'Pass', f'{TIMELINE}.pass': 'Pass'}, folder.said


def printed_list(temp):
    folder = Folder(temp, 'printed', caselist=False)
    assert folder.run() == 0, folder.said
    assert folder.table() == {f'{MEMORY}.printed': 'Pass'}, folder.said

    # A second run takes the place of the first, but never of what is not its own.
    (folder.output / 'results.csv').unlink()
    assert folder.run() == 0 and (folder.output / 'results.csv').exists(), folder.said
    (folder.output / 'suite.toml').unlink()
    assert folder.run() == 2 and 'not empty' in folder.said, folder.said
    assert (folder.output / 'results.csv').exists()


def compare(temp):
    def run(ours, upstream):
        for name, results in (('ours', ours), ('upstream', upstream)):
            (temp / name).mkdir(exist_ok=True)
            (temp / name / 'results.csv').write_text(
                ''.join(f'{FENCE}.{case},{status},0.1\n' for case, status in results.items()))
        return subprocess.run(
            [sys.executable, ROOT / 'ci' / 'lib' / 'deqp-compare.py', temp / 'ours', temp / 'upstream'],
            stdout=subprocess.PIPE, encoding='utf-8', check=False)

    better = run({'a': 'Pass', 'b': 'Pass', 'c': 'Pass'}, {'a': 'Skip', 'b': 'Crash', 'd': 'Pass'})
    assert better.returncode == 0, better.stdout
    assert 'upstream Crash, ours Pass: 1\n' f'   {FENCE}.b\n' in better.stdout, better.stdout
    assert '2 cases run by both, 2 differ, 0 are worse' in better.stdout, better.stdout
    assert (temp / 'upstream' / 'differences.csv').read_text() == (
        f'{FENCE}.b,Crash,Pass\n{FENCE}.a,Skip,Pass\n')
    for bad in ('Skip', 'Flake', 'Fail', 'Crash', 'Timeout', 'Missing'):
        worse = run({'a': bad}, {'a': 'Pass'})
        assert worse.returncode == 1 and f'upstream Pass, ours {bad}: 1 (worse)' in worse.stdout, worse.stdout
    assert run({'a': 'Pass'}, {}).returncode == 1


def main():
    tests = [refused, all_pass, wrong_device, verdicts, list_of_lists, printed_list, compare]
    with tempfile.TemporaryDirectory(prefix='run-deqp-') as temp:
        return tap.run(tests, Path(temp))


if __name__ == '__main__':
    sys.exit(main())
