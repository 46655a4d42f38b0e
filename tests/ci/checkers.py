#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: checkers.py ROOT

TAP: each check of ci/ finds what it is for. A copy of the files that it reads
is spoilt in one place; the check has to say so, and where.
"""

from pathlib import Path
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

ROOT = Path(sys.argv[1]).resolve()

GITLAB, DEQP = 'ci/gitlab-ci.yml', 'ci/deqp/deqp-lvp-win32.toml'
FAILS, SKIPS = 'ci/deqp/lvp-win32-fails.txt', 'ci/deqp/lvp-win32-skips.txt'
BUILD, RUN = 'ci/windows/build.ps1', 'ci/windows/deqp.ps1'
# Whatever its number is
PATCH = str(next(ROOT.glob('src/runtime_glue/*/*-vulkan-consume-binary-*.patch')).relative_to(ROOT))
MADE = str(next(ROOT.glob('src/runtime_glue/*/*-vulkan-add-a-vk_sync-*.sources')).relative_to(ROOT))
SOURCE = 'src/vulkan_win32_sync/vk_sync_win32_wait.c'

# (check, file, what is there, what it becomes, what the check says)
SPOILT = [
    ('gitlab', '.gitlab-ci.yml', 'local: ci/gitlab-ci.yml', 'local: ci/gitlab.yml', 'No such file'),
    ('gitlab', '.gitlab-ci.yml', '  FDO_UPSTREAM_REPO: mesa/mesa\n', '', '$FDO_UPSTREAM_REPO is set nowhere'),
    ('gitlab', GITLAB, '  timeout: 1h\n', '  timeout: soon\n', 'soon is no duration'),
    ('gitlab', GITLAB, 'extends: .lvp-win32-rules', 'extends: .lvp-win32-rule', 'extends .lvp-win32-rule,'),
    ('gitlab', GITLAB, '- job: lvp-win32-msvc', '- job: lvp-win32-msv', 'needs lvp-win32-msv, '),
    ('gitlab', GITLAB, '[.lvp-win32-rules, rules]', '[.lvp-win32-rules, rule]', 'leads nowhere'),
    ('gitlab', GITLAB, 'windows\\build.ps1', 'windows\\builds.ps1', 'calls ci\\windows\\builds.ps1'),
    ('gitlab', GITLAB, '  LVP_WIN32_DEBIAN_IMAGE: "debian:bookworm"\n', '',
     '$LVP_WIN32_DEBIAN_IMAGE is set nowhere'),
    ('gitlab', GITLAB, '    - ci/test\n', '', 'calls no script'),
    ('gitlab', GITLAB, '  stage: build-for-tests\n', '  stage: build\n', 'is not'),
    ('gitlab', GITLAB, '  interruptible: true\n', '  interuptible: true\n', 'unknown keyword interuptible'),
    ('deqp', DEQP, 'tests_per_group = 50\n', 'tests_per_group 50\n', "Expected '='"),
    ('deqp', DEQP, 'renderer_check = ', 'render_check = ', 'unknown key render_check'),
    ('deqp', DEQP, './_install/lvp-win32-skips.txt', './_install/lvp-win32-skip.txt', 'not in ci/deqp'),
    ('deqp', DEQP, '(fence|semaphore|memory)', '(fence|semaphore|memory', 'missing )'),
    ('deqp', DEQP, '(fence|semaphore|memory)', '(fence|semaphore)',
     'does not run dEQP-VK.api.external.memory'),
    ('deqp', DEQP, 'opaque_win32(_kmt)?', 'opaque_\\w+', 'runs dEQP-VK.api.external.semaphore.opaque_fd'),
    ('deqp', FAILS, None, '\ndEQP-VK.api.smoke.triangle,Fail\n', 'no reason above'),
    ('deqp', FAILS, None, '# Why\ndEQP-VK.api.smoke.triangle,Fails\n', 'does not end in a status'),
    ('deqp', SKIPS, None, '# Why\ndEQP-VK\\.api\\.(smoke\n', 'missing )'),
    ('deqp', SKIPS, None, '# As in all-skips.txt\n', 'for the name of a list'),
    ('powershell', BUILD, 'Write-Host "Mesa does not build"', 'Write-Host "Mesa does not build',
     'cannot be parsed'),
    ('powershell', BUILD, '"-Db_vscrt=mt" `\n', '"-Db_vscrt=mt" ` \n', 'cannot be parsed'),
    ('powershell', BUILD, '"-Db_vscrt=mt" `\n', '"-Db_vscrt=mt" `\n  # Why\n', 'cannot be parsed'),
    ('powershell', BUILD, 'if (!$vs) {\n', 'if (!$vs) {{\n', 'cannot be parsed'),
    ('powershell', BUILD, 'if (!$vs) {\n', 'if (!$vs {\n', 'cannot be parsed'),
    ('powershell', RUN, 'Copy-Item -Path "ci', 'Copy-Items -Path "ci', 'Copy-Items is not in'),
    ('powershell', RUN, '-PropertyType DWORD', '-PropertyKind DWORD', 'no parameter -PropertyKind'),
    ('style', PATCH, 'Subject: vulkan: ', 'Subject: ', 'no module in front'),
    ('style', PATCH, 'Subject: vulkan: ', 'Subject: vulcan: ', 'module vulcan is none'),
    ('style', PATCH, '\n---\n', f'\n{"word " * 15}word\n---\n', 'has 79 columns'),
    ('style', PATCH, '\n---\n', '\nFixes: 12 (x)\n---\n', 'is no tag'),
    ('style', PATCH, '\n+', '\n+\t', 'a tab in a line'),
    ('style', PATCH, '\n---\n', ' \n---\n', 'ends in blanks'),
    ('style', PATCH, 'Subject: ', 'From: A <a@b>\nSubject: ', 'does not begin with a subject'),
    ('style', MADE, 'vulkan: add', 'vulkan add', 'no module in front'),
    ('style', 'src/runtime_glue/a-fixes/cover-letter.md', '# ', '', 'has no title'),
    ('style', SOURCE, '\n   ', '\n    ', 'indented by 4'),
    ('style', SOURCE, '/* SPDX-License-Identifier: MIT */\n', '', 'begin with its licence'),
    ('style', SOURCE, '\nstatic bool\n', '\nstatic bool ', 'name of the function'),
    ('style', SOURCE, ';\n', ';  \n', 'blanks at the end'),
    ('style', SOURCE, None, '\n', 'one newline at its end'),
    ('lint', 'ci/run-deqp', 'output" ] && [', 'output" ] && [[', 'SC1'),
    ('lint', 'ci/lib/deqp-wine', 'cd "$(dirname "$LVP_SYNC_DEQP")"', 'cd $(dirname $LVP_SYNC_DEQP', 'SC1'),
    ('lint', 'ci/windows/build-msys2.sh', 'rm -rf build\n', 'local x=build\n', 'SC2168'),
    ('lint', 'ci/lib/tap.py', 'self.failed = True', 'failed = True', "'failed' is assigned to but never used"),
    ('lint', '.gitlab-ci.yml', '  - software-renderer\n', '  - software-renderer\n - x\n', 'syntax error'),
    ('lint', GITLAB, '  timeout: 1h\n', '  timeout: 1h\n  timeout: 2h\n', 'duplication of key "timeout"'),
]


def command(check, top):
    if check == 'lint':
        return [ROOT / 'ci' / 'check-lint', top]
    script = ROOT / 'ci' / {'style': 'check-style'}.get(check, f'check-{check}.py')
    if check == 'powershell':
        return [sys.executable, script, *sorted((top / 'ci' / 'windows').glob('*.ps1'))]
    return [sys.executable, script, top]


def run(check, top):
    done = subprocess.run(command(check, top), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding='utf-8', check=False)
    return done.returncode, done.stdout


def spoil(text, before, after):
    """Where in the text it makes a difference: the first place, or the end."""
    if before is None:
        return text + after
    assert before in text, f'{before!r} is not there to be spoilt'
    return text.replace(before, after, 1)


def main():
    checks = sorted({case[0] for case in SPOILT})
    results = tap.Tap(len(checks) + len(SPOILT))
    with tempfile.TemporaryDirectory(prefix='checkers-') as temp:
        top = Path(temp)
        for folder in ('ci', 'src/runtime_glue', 'src/vulkan_win32_sync'):
            shutil.copytree(ROOT / folder, top / folder, ignore=shutil.ignore_patterns('__pycache__'))
        shutil.copy(ROOT / '.gitlab-ci.yml', top)
        for path in ROOT.glob('subprojects/mesa-*/src/gallium/frontends/lavapipe/ci/lvp-*.txt'):
            (top / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, top / path.relative_to(ROOT))
        skipped = set()
        for check in checks:
            status, said = run(check, top)
            if said.startswith('1..0 # SKIP '):
                skipped.add(check)
                results.skip(check, said.partition('SKIP ')[2].strip())
                continue
            bad = '\n'.join(line for line in said.splitlines() if not line.startswith('ok '))
            results.check(status == 0 and 'ok 1' in said and 'not ok' not in said, f'{check}: as it is', bad)
        for check, file, before, after, message in SPOILT:
            if check in skipped:
                results.skip(f'{check}: {message}', 'as above')
                continue
            path = top / file
            good = path.read_bytes()
            try:
                path.write_bytes(spoil(good.decode(), before, after).encode())
                _, said = run(check, top)
                results.check('not ok' in said and message in said, f'{check}: {message}', said)
            finally:
                path.write_bytes(good)
    return results.end()


if __name__ == '__main__':
    sys.exit(main())
