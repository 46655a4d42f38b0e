#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: run.py PROGRAM BUILD: run a program that ci/clients has brought, with
the built driver, and say in TAP what was checked.
"""

import json
from pathlib import Path
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib.tap import Tap, skip_all

HERE = Path(__file__).resolve().parent
ENV = HERE.parent.parent / 'ci' / 'env'
EXTENSIONS = [f'VK_KHR_external_{what}_win32' for what in ('fence', 'semaphore', 'memory')]
FRAMES = 60

# Failures of Wine's tests, with why they are none of ours.
WINE_EXPECTED = {
    'Got unexpected rect 0, 0, 4294967295, 4294967295.':
        'Mesa\'s window system code has the same rectangle for every window, also for none',
}


class Run:
    """A run of a Windows program; output goes to files, which Wine's desktop
    may hold open for longer than the program runs."""

    def __init__(self, program, *args, **env):
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / name for name in ('out', 'err')]
            with files[0].open('wb') as out, files[1].open('wb') as err:
                self.status = subprocess.run(
                    # Wine says which DLLs it loads. No display: Wine's windows are then drawn nowhere.
                    ['bash', '-c', 'set -e; env=$("$0"); eval "$env"; unset DISPLAY WAYLAND_DISPLAY; '
                     'export WINEDEBUG=-all,+loaddll; exec env "$@"', ENV,
                     *(f'{name}={value}' for name, value in env.items()), 'wine', program, *args],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False, cwd=folder).returncode
            self.out, err = (f.read_text(encoding='utf-8', errors='replace') for f in files)
        self.loaded = [line for line in err.splitlines() if re.search(r'Loaded L.*vulkan_lvp\.dll', line)]
        self.err = re.sub(r'.*:loaddll:.*\n', '', err)

    def said(self):
        return '\n'.join([*(self.out + self.err).splitlines()[-20:], f'exit status {self.status}'])

    def result(self):
        """What a script of ours printed."""
        found = re.search(r'^RESULT (.*)', self.out, re.MULTILINE)
        return json.loads(found.group(1)) if found else None


def windows(path):
    return 'Z:' + str(path).replace('/', '\\')


def is_ours(build, run):
    """Whether the driver that was loaded is the one in build/dist."""
    path = windows(build / 'dist').replace('\\', '\\\\').lower()
    return bool(run.loaded) and all(path in line.lower() for line in run.loaded)


def vulkaninfo(tap, build, folder):
    # Without a file, it would wait for somebody to close its window.
    with tempfile.TemporaryDirectory() as work:
        run = Run(folder / 'vulkan_tools' / 'vulkaninfo.exe', '-o', windows(Path(work) / 'info.txt'))
        info = Path(work) / 'info.txt'
        text = info.read_text(encoding='utf-8') if info.exists() else ''
    tap.check(run.status == 0, 'vulkaninfo ends without an error', run.said())
    tap.check(is_ours(build, run), 'the DLL that is loaded is the one that was built', *run.loaded)
    tap.check(re.search(r'deviceName\s*=\s*llvmpipe', text), 'the device is llvmpipe', text[:2000])
    for extension in EXTENSIONS:
        tap.check(re.search(rf'\b{extension}\b', text), f'{extension} is listed')


def vkcube(tap, build, folder):
    run = Run(folder / 'vulkan_tools' / 'vkcube.exe', '--c', str(FRAMES), '--suppress_popups')
    tap.check(run.status == 0, f'vkcube presents {FRAMES} frames (Wine\'s null display) and ends', run.said())
    tap.check('Selected GPU 0: llvmpipe' in run.out + run.err, 'its device is llvmpipe', run.said())
    tap.check(is_ours(build, run), 'the DLL that is loaded is the one that was built', *run.loaded)


def wine(tap, build, folder):
    run = Run(folder / 'wine' / 'vulkan_test.exe', 'vulkan')
    text = run.out + run.err
    totals = re.findall(r'vulkan: (\d+) tests executed \(.*?, (\d+) failures?\), (\d+) skipped', text)
    failures = re.findall(r'(vulkan\.c:\d+): Test failed: (.*?)\r?\n', text)
    # The children come first: one for a handle, one for a number.
    tap.check(len(totals) == 3, 'Wine\'s vulkan-1 tests run to their end, in three processes', run.said())
    tap.check(all(skipped == '0' for _, _, skipped in totals) and not re.search('Tests skipped', text),
              'none of them is skipped', run.said())
    unexpected = [f for f in failures if f[1] not in WINE_EXPECTED]
    tap.check(not unexpected and run.status == len(failures) and sum(int(n) for _, n, _ in totals) == len(failures),
              f'of {sum(int(n) for n, _, _ in totals)} checks none fails but {len(WINE_EXPECTED)} that has to',
              *unexpected, run.said())
    for _, what in failures:
        print(f'# expected: {what} {WINE_EXPECTED.get(what, "")}')
    tap.check(len(totals) == 3 and all(int(n) > 5 and bad == '0' for n, bad, _ in totals[:2]),
              'memory is imported by other processes, by handle and name, and by number', run.said())
    tap.check(is_ours(build, run), 'the DLL that is loaded is the one that was built', *run.loaded)


def libplacebo(tap, build, folder):
    run = Run(folder / 'libplacebo' / 'test.vulkan.exe')
    text = run.out
    tap.check(run.status == 0, 'libplacebo\'s Vulkan tests pass', run.said(), run.err[-2000:])
    tap.check(re.search(r'^Testing device 0: llvmpipe', text, re.MULTILINE), 'their device is llvmpipe')
    tap.check(is_ours(build, run), 'the DLL that is loaded is the one that was built', *run.loaded)
    formats = len(re.findall('^testing texture roundtrip', text, re.MULTILINE))
    tap.check(formats > 50, f'textures of {formats} formats are written and read')
    for number, name in (2, 'handles'), (4, 'numbers'):
        # It would say nothing if the driver offered no export.
        tap.check(text.count(f'testing vulkan interop for handle type 0x{number:x}\n') == 2 and
                  text.count(f'Export handle: 0x{number:x}\n') >= 2,
                  f'buffers and textures are exported as {name}, held and released with a timeline semaphore')


def node(folder, work, script, *args, **env):
    # Who looks for the loader beside the program finds it.
    (work / 'node.exe').symlink_to(folder / 'node' / 'node.exe')
    (work / 'vulkan-1.dll').symlink_to(folder.parent / 'dist' / 'vulkan-1.dll')
    # Wine calls itself an older Windows than Node.js is supported on.
    return Run(work / 'node.exe', windows(HERE / script), *args, NODE_SKIP_PLATFORM_CHECK=1, **env)


def dawn(tap, build, folder):
    with tempfile.TemporaryDirectory() as work:
        run = node(folder, Path(work), 'dawn.mjs', windows((folder / 'dawn').resolve() / 'index.js'))
    result = run.result()
    if not tap.check(run.status == 0 and result, 'Dawn runs in Node.js for Windows', run.said()):
        return
    tap.check('llvmpipe' in result['adapter'], 'its adapter is llvmpipe', result)
    tap.check(is_ours(build, run), 'the DLL that is loaded is the one that was built', *run.loaded)
    for name in 'compute', 'render':
        right, total = result[name]
        tap.check(right == total, f'{name}: all {total} values are right', f'{right} are')
    tap.check(not result['errors'], 'no validation error, and no lost device', *result['errors'])


def llama(tap, build, folder):
    runs = {}
    for where in 'cpu', 'vulkan':
        with tempfile.TemporaryDirectory() as work:
            # It takes no CPU by itself.
            runs[where] = node(folder, Path(work), 'llama.mjs', windows((folder / 'llama').resolve()),
                               windows(Path(work) / 'tiny.gguf'), where, GGML_VK_VISIBLE_DEVICES=0)
        if not tap.check(runs[where].status == 0 and runs[where].result(),
                         f'llama.cpp evaluates a model of 2 layers ({where})', runs[where].said()):
            return
    cpu, vulkan = (runs[where].result() for where in ('cpu', 'vulkan'))
    tap.check(any('llvmpipe' in name for name in vulkan['deviceNames']), 'its Vulkan device is llvmpipe', vulkan)
    tap.check(is_ours(build, runs['vulkan']), 'the DLL that is loaded is the one that was built',
              *runs['vulkan'].loaded)
    tap.check(cpu['memory']['gpuVram'] == 0 < vulkan['memory']['gpuVram'],
              'the weights are in memory of the device', cpu['memory'], vulkan['memory'])
    steps = list(zip(cpu['steps'], vulkan['steps']))
    tap.check(all(a['token'] == b['token'] for a, b in steps), f'both choose the same {len(steps)} tokens',
              *[(a['token'], b['token']) for a, b in steps])
    most = max(abs(p - q) for a, b in steps for p, q in zip(a['probabilities'], b['probabilities']))
    tap.check(most < 1e-3, 'no probability differs by a thousandth from the CPU back end\'s', most)


NEEDS = {
    vulkaninfo: ['vulkan_tools'], vkcube: ['vulkan_tools'], wine: ['wine'], libplacebo: ['libplacebo'],
    dawn: ['node', 'dawn'], llama: ['node', 'llama'],
}


def main():
    program = {f.__name__: f for f in NEEDS}[sys.argv[1]]
    build = Path(sys.argv[2]).resolve()
    folder = build / 'clients'
    for name in NEEDS[program]:
        missing = folder / f'{name}.missing'
        if missing.exists():
            return skip_all(missing.read_text(encoding='utf-8').strip())
        if not (folder / name).exists():
            print(f'Bail out! there is no {folder / name}: ci/clients has not run')
            return 1
    results = Tap()
    program(results, build, folder)
    return results.end()


if __name__ == '__main__':
    sys.exit(main())
