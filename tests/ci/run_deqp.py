#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: run_deqp.py ROOT DEQP_VK.EXE

TAP: ci/run-deqp finds what it needs in the folder it is given or says what is
missing, runs the Windows program under Wine with the arguments, files and
environment of the suite, and passes the exit status on. The program and
deqp-runner are those of this folder, not the real ones.
"""

import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT, DEQP_VK = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
HERE = Path(__file__).resolve().parent

FENCE = 'dEQP-VK.api.external.fence.opaque_win32.reset_temporary'
SEMAPHORE = 'dEQP-VK.api.external.semaphore.opaque_win32_kmt.reimport_permanent'
TIMELINE = 'dEQP-VK.synchronization2.timeline_semaphore.wait.poll_signal_from_device'
# lvp-win32-flakes.txt has it.
FLAKE = 'dEQP-VK.synchronization2.basic.timeline_semaphore.one_queue'
OTHERS = ['dEQP-VK.api.external.semaphore.opaque_fd.reimport_permanent', 'dEQP-VK.api.smoke.triangle']


class Folder:
    """A folder like that of a CTS, and a deqp-runner."""

    def __init__(self, temp, name, cases=(FENCE,), program=True, caselist=True, runner=True):
        self.top = temp / name
        # Blanks, since folders of Windows have them.
        self.deqp = self.top / 'Vulkan CTS'
        (self.deqp / 'vulkan').mkdir(parents=True)
        (self.deqp / 'vulkan' / 'data.txt').write_text('data\n')
        self.runner = self.top / 'deqp-runner'
        if program:
            shutil.copy(DEQP_VK, self.deqp / 'deqp-vk.exe')
        if caselist:
            (self.deqp / 'vk-main.txt').write_text('\n'.join([*OTHERS, *cases]) + '\n')
        if runner:
            shutil.copy(HERE / 'deqp_runner.py', self.runner)
            self.runner.chmod(0o755)
        self.output = self.top / 'results'

    def run(self, *arguments, env=None):
        process = subprocess.Popen(
            [ROOT / 'ci' / 'run-deqp', '--output', self.output, *arguments, self.deqp],
            env={**os.environ, 'DEQP_RUNNER': str(self.runner), **(env or {})}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8')
        try:
            self.said, _ = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            # A Windows program, too, is in its group.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return process.returncode

    def results(self, name='results'):
        text = (self.output / f'{name}.csv').read_text()
        return dict(line.rsplit(',', 1) for line in text.splitlines())

    def log(self, number):
        return (self.output / f'c{number}.qpa').read_text().splitlines()


def missing_program(temp):
    folder = Folder(temp, 'program', program=False)
    assert folder.run() == 2 and 'no deqp-vk.exe in' in folder.said, folder.said


def missing_caselist(temp):
    folder = Folder(temp, 'caselist', caselist=False)
    assert folder.run() == 2 and 'no vk-main.txt' in folder.said, folder.said


def missing_runner(temp):
    folder = Folder(temp, 'runner', runner=False)
    assert folder.run() == 2 and f'no {folder.runner} on PATH' in folder.said, folder.said


def missing_suite(temp):
    folder = Folder(temp, 'suite')
    assert folder.run('--suite', 'other') == 2 and 'no suite other' in folder.said, folder.said


def missing_driver(temp):
    folder = Folder(temp, 'driver')
    assert folder.run('--driver', temp) == 2 and 'no vulkan_lvp.dll' in folder.said, folder.said


def wrong_options(temp):
    folder = Folder(temp, 'options')
    assert folder.run('--what') == 2 and 'usage:' in folder.said, folder.said


def all_pass(temp):
    folder = Folder(temp, 'pass', [FENCE, SEMAPHORE, TIMELINE, f'{FENCE}_none'])
    assert folder.run('--jobs', '3') == 0, folder.said
    assert folder.results() == {
        FENCE: 'Pass', SEMAPHORE: 'Pass', TIMELINE: 'Pass', f'{FENCE}_none': 'Skip',
        f'futex-{FENCE}': 'Pass', f'futex-{SEMAPHORE}': 'Pass', f'futex-{TIMELINE}': 'Pass',
        f'futex-{FENCE}_none': 'Skip'}, folder.results()
    assert not (folder.output / 'junit.xml').exists()
    assert (folder.output / 'arguments').read_text() == '3 1 None\n'


def arguments(temp):
    folder = Folder(temp, 'arguments')
    assert folder.run() == 0, folder.said
    log = folder.log(0)
    assert 'argument --deqp-surface-width=256' in log, log
    windows = 'Z:' + str(folder.output).replace('/', '\\')
    assert f'argument --deqp-caselist-file={windows}\\c0.txt' in log, log
    assert 'data found' in log, log
    assert 'environment MESA_VK_IGNORE_CONFORMANCE_WARNING=true' in log, log
    assert 'environment MESA_VK_WIN32_PARKER=' in log, log
    assert 'environment MESA_VK_WIN32_PARKER=futex' in folder.log(3), folder.log(3)


def failure(temp):
    folder = Folder(temp, 'failure', [FENCE, f'{SEMAPHORE}_fail'])
    assert folder.run() == 1, folder.said
    assert folder.results('failures') == {
        f'{SEMAPHORE}_fail': 'Fail', f'futex-{SEMAPHORE}_fail': 'Fail'}, folder.said
    assert (folder.output / 'junit.xml').exists()


def crash(temp):
    folder = Folder(temp, 'crash', [FENCE, f'{FENCE}_crash', SEMAPHORE])
    assert folder.run() == 1, folder.said
    # The fake runner does not go on behind a crash.
    assert folder.results('failures')[f'{FENCE}_crash'] == 'Crash', folder.said


def hang(temp):
    folder = Folder(temp, 'hang', [f'{TIMELINE}_hang'])
    assert folder.run() == 1, folder.said
    # The end of its output comes when the Windows program has ended, too.
    assert folder.results('failures')[f'{TIMELINE}_hang'] == 'Timeout', folder.said


def flake(temp):
    folder = Folder(temp, 'flake', [FENCE, f'{FLAKE}_fail'])
    assert folder.run() == 0, folder.said
    assert folder.results()[f'{FLAKE}_fail'] == 'Fail', folder.said


def status(temp):
    folder = Folder(temp, 'status')
    assert folder.run(env={'TEST_RUNNER_STATUS': '7'}) == 7, folder.said


def list_of_lists(temp):
    folder = Folder(temp, 'lists', caselist=False)
    lists = folder.deqp / 'external' / 'vulkancts' / 'mustpass' / 'main'
    (lists / 'vk-default').mkdir(parents=True)
    (lists / 'vk-default.txt').write_text('vk-default/api.txt\nvk-default/synchronization2.txt\n')
    (lists / 'vk-default' / 'api.txt').write_text(f'{FENCE}\n')
    (lists / 'vk-default' / 'synchronization2.txt').write_text(f'{TIMELINE}\n')
    assert folder.run() == 0, folder.said
    assert folder.results().keys() >= {FENCE, TIMELINE}, folder.results()


def again(temp):
    folder = Folder(temp, 'again')
    assert folder.run() == 0, folder.said
    assert folder.run() == 0, folder.said
    # Never what is not its own.
    (folder.output / 'results.csv').unlink()
    assert folder.run() == 2 and 'not empty' in folder.said, folder.said
    assert (folder.output / 'c0.qpa').exists()


def main():
    tests = [missing_program, missing_caselist, missing_runner, missing_suite, missing_driver,
             wrong_options, all_pass, arguments, failure, crash, hang, flake, status, list_of_lists, again]
    print(f'1..{len(tests)}')
    failed = 0
    with tempfile.TemporaryDirectory(prefix='run-deqp-') as temp:
        for number, test in enumerate(tests, 1):
            try:
                test(Path(temp))
                print(f'ok {number} - {test.__name__}', flush=True)
            except (AssertionError, KeyError, OSError, subprocess.TimeoutExpired) as e:
                failed = 1
                for line in f'{type(e).__name__}: {e}'.splitlines():
                    print('#', line)
                print(f'not ok {number} - {test.__name__}', flush=True)
    return failed


if __name__ == '__main__':
    sys.exit(main())
