#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: check-barriers.py BUILD-DIR

TAP: compiled for ARM64, the sync type has each barrier that its protocol needs
(see vk_sync_win32_slots.h) between the two accesses that it is for, on every
path through the function; and where the source lacks one, this notices.

Once with MSVC's ABI and intrinsics, once with those of MinGW. Functions are not
inlined, so that the calls in the assembly are those of the source.
"""

import dataclasses
import json
from pathlib import Path
import re
import shlex
import subprocess
import sys
import tempfile

from lib import tap

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent / 'src' / 'vulkan_win32_sync'
MOUNT = '/src/vulkan/win32_sync'
FILES = ['wait', 'payload', 'payload_section', 'slots']

DEFINES = '''
   -D_CRT_SECURE_NO_WARNINGS -DWIN32_LEAN_AND_MEAN -DNOMINMAX -D_WIN32_WINNT=0x0A00
   -DVK_USE_PLATFORM_WIN32_KHR -DUTIL_ARCH_LITTLE_ENDIAN=1 -DUTIL_ARCH_BIG_ENDIAN=0
   -DHAVE_STRUCT_TIMESPEC -DNDEBUG
'''
TARGETS = {
    'msvc': f'''
       --target=aarch64-pc-windows-msvc -fms-extensions -fms-compatibility-version=19.29
       -isystem {HERE}/lib/msvc -idirafter /usr/include/wine/wine/msvcrt
       -idirafter /usr/include/wine/wine/windows -include {HERE}/lib/msvc/first.h
    ''',
    'mingw': '''
       --target=aarch64-w64-mingw32 -isystem /usr/x86_64-w64-mingw32/include
       -DUSE_GCC_ATOMIC_BUILTINS
    ''',
}



@dataclasses.dataclass
class Rule:
    """On each path from `after` ('entry', or an instruction) to `before`, a barrier"""
    name: str
    file: str
    function: str
    after: str
    before: str
    barrier: str = r'dmb (ish|sy)'


# "~" is for vk_sync_win32_, and "[" begins an address that is not on the stack.
RULES = [
    # A payload's own arm() is behind a pointer.
    Rule('arm, look', 'wait', 'arm', r'blr', 'ret'),
    Rule('sit down, look', 'wait', 'arm', 'entry', 'ret'),
    Rule('private: change the word, look for waiters', 'payload', 'private_signal', 'bl ~word_signal', 'bl ~load64'),
    Rule('shared: change the word, look at the slots', 'payload_section', 'section_signal', 'bl ~word_signal',
         'bl ~slots_ring'),
    Rule('clear the bit, read the bell', 'slots', '~slots_ring', 'bl clear_bit', 'bl load_bell'),
    Rule('clear the note, give back', 'slots', 'give_back', 'bl ~store64', 'bl ~word_unconsume'),
    # Unless the instruction has the order in itself
    Rule('load32 acquires', 'payload', '~load32', r'ldr [wx]\d+, [', 'ret', r'dmb (ish|ishld|sy)'),
    Rule('load64 acquires', 'payload', '~load64', r'ldr [wx]\d+, [', 'ret', r'dmb (ish|ishld|sy)'),
    Rule('store32 releases', 'payload', '~store32', 'entry', r'str [wx]\w+, ['),
    Rule('store64 releases', 'payload', '~store64', 'entry', r'str [wx]\w+, ['),
]
ORDERED = {'~load32': r'ldap?r ', '~load64': r'ldap?r ', '~store32': 'stlr ', '~store64': 'stlr '}


@dataclasses.dataclass
class Mutant:
    """Without the only occurrence of `text` in `function`, or with `instead`"""
    file: str
    function: str
    text: str
    breaks: list
    instead: str = ''
    targets: tuple = ('msvc', 'mingw')


LOADS = ['load32 acquires', 'load64 acquires']
STORES = ['store32 releases', 'store64 releases']
MUTANTS = [
    Mutant('vk_sync_win32_wait.c', 'arm', '~full_barrier();', ['arm, look', 'sit down, look']),
    Mutant('vk_sync_win32_payload.c', 'private_signal', '~barrier_after_swap();', [
        'private: change the word, look for waiters']),
    Mutant('vk_sync_win32_payload_section.c', 'section_signal', '~barrier_after_swap();', [
        'shared: change the word, look at the slots']),
    Mutant('vk_sync_win32_slots.c', '~slots_ring', '~barrier_after_swap();', ['clear the bit, read the bell']),
    Mutant('vk_sync_win32_slots.c', 'give_back', '~full_barrier();', ['clear the note, give back']),
    Mutant('vk_sync_win32_nt.h', '~full_barrier', 'MemoryBarrier();', [
        r.name for r in RULES if r.name not in LOADS + STORES]),
    Mutant('vk_sync_win32_nt.h', '~barrier_after_swap', '~full_barrier();', [
        'private: change the word, look for waiters', 'shared: change the word, look at the slots',
        'clear the bit, read the bell']),
    Mutant('vk_sync_win32_nt.h', '~order', '__dmb(_ARM64_BARRIER_ISH);', LOADS + STORES, targets=('msvc',)),
    Mutant('vk_sync_win32_nt.h', '~order', '_ARM64_BARRIER_ISH', LOADS + STORES, '_ARM64_BARRIER_ISHST', ('msvc',)),
    *(Mutant('vk_sync_win32_nt.h', '~' + n.split()[0], '~order();', [n], targets=('msvc',)) for n in LOADS + STORES),
]


def full(text):
    return text.replace('~', 'vk_sync_win32_')


def find(pattern):
    return re.compile(full(pattern).replace(', [', r', \[(?!sp)')).match


def parse(text):
    """{function: [(instruction, numbers of those that may be next)]}; None: it returns"""
    functions, name, lines, labels = {}, None, [], {}

    def finish():
        code = functions[name] = []
        for number, line in enumerate(lines):
            operation, _, operands = line.partition(' ')
            target = labels.get(operands.split(', ')[-1])
            following = number + 1 if number + 1 < len(lines) else None
            if operation in ('ret', 'br') or operation == 'b' and target is None:
                code.append((line, [None]))
            elif operation == 'b':
                code.append((line, [target]))
            else:
                code.append((line, [following] + ([target] if target is not None else [])))

    for line in text.splitlines():
        line = ' '.join(line.split('//')[0].split())
        if re.match(r'[A-Za-z_]\w*:', line):
            name, lines, labels = line[:-1], [], {}
        elif re.match(r'\.L\w+:', line):
            labels[line[:-1]] = len(lines)
        elif line == '.seh_endproc' or line.startswith(('.def ', '.section')):
            if name:
                finish()
            name = None
        elif line and not line.startswith('.'):
            lines.append(line)
    return functions


class Assembly:
    def __init__(self, text):
        self.functions = parse(text)

    def is_barrier(self, line, pattern):
        """The instruction itself, or a call of a function that has it on every path"""
        if re.match(pattern + '$', line):
            return True
        called = re.match(r'bl? (\w+)$', line)
        return bool(called and called.group(1) in self.functions
                    and not self.leak(called.group(1), 'entry', 'ret', pattern))

    def leak(self, function, after, before, pattern):
        """An instruction `before` that is reached without a barrier, or None"""
        code = self.functions[function]
        found_end = before == 'ret' or any(find(before)(line) for line, _ in code)
        starts = [0] if after == 'entry' else [
            n for number, (line, following) in enumerate(code) if find(after)(line) for n in following]
        if not starts or not found_end:
            raise SystemExit(f'Bail out! {function}() has no "{after}" or no "{before}"')
        seen, todo = set(), starts
        while todo:
            number = todo.pop()
            if number in seen:
                continue
            seen.add(number)
            if number is None:
                if before == 'ret':
                    return 'its end is reached without'
                continue
            line, following = code[number]
            if before != 'ret' and find(before)(line):
                return f'"{line}" is reached without'
            if not self.is_barrier(line, pattern):
                todo += following
        return None


def check(rule, assemblies):
    """None, or what is wrong"""
    assembly, function = assemblies[rule.file], full(rule.function)
    if function not in assembly.functions:
        raise SystemExit(f'Bail out! There is no {function}()')
    ordered = ORDERED.get(rule.function)
    if ordered and any(re.match(ordered, line) for line, _ in assembly.functions[function]):
        return None
    return assembly.leak(function, rule.after, rule.before, rule.barrier)


def includes(build):
    with open(build / 'compile_commands.json', encoding='utf-8') as f:
        entry = next(e for e in json.load(f) if e['file'].endswith(MOUNT + '/vk_sync_win32_wait.c'))
    words = [w for w in shlex.split(entry['command']) if w.startswith('-I') and MOUNT not in w]
    return ['-isystem' + str(Path(entry['directory'], w[2:])) for w in words]


def compile_file(target, folder, file, flags):
    source = folder / f'vk_sync_win32_{file}.c'
    done = subprocess.run(
        ['clang-19', *TARGETS[target].split(), *DEFINES.split(), '-std=c11', '-O2', '-fno-inline', *flags,
         '-S', '-o', '-', source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f'Bail out! {source.name} does not compile for {target}\n{done.stderr}')
    return Assembly(done.stdout)


def mutate(mutant, text):
    start = re.search(r'^' + full(mutant.function) + r'\(', text, re.MULTILINE).start()
    end = text.index('\n}\n', start)
    body, what = text[start:end], full(mutant.text)
    if body.count(what) != 1:
        raise SystemExit(f'Bail out! {full(mutant.function)}() has {body.count(what)} of "{what}"')
    return text[:start] + body.replace(what, mutant.instead or ';') + text[end:]


def main():
    flags = includes(Path(sys.argv[1]))
    results = []
    for target in TARGETS:
        assemblies = {file: compile_file(target, SOURCES, file, flags) for file in FILES}
        results += [(f'{target}: {rule.name}', check(rule, assemblies)) for rule in RULES]
        for mutant in MUTANTS:
            if target not in mutant.targets:
                continue
            with tempfile.TemporaryDirectory() as folder:
                for path in SOURCES.glob('*.[ch]'):
                    text = path.read_text(encoding='utf-8')
                    if path.name == mutant.file:
                        text = mutate(mutant, text)
                    (Path(folder) / path.name).write_text(text, encoding='utf-8')
                rules = [rule for rule in RULES if rule.name in mutant.breaks]
                changed = {rule.file: compile_file(target, Path(folder), rule.file, flags) for rule in rules}
            missed = [rule.name for rule in rules if check(rule, changed) is None]
            what = f'with {mutant.instead}' if mutant.instead else f'without {full(mutant.text)}'
            results.append((f'{target}: mutant of {full(mutant.function)}() {what}',
                            f'not noticed by: {"; ".join(missed)}' if missed else None))
    return tap.report([(name, [wrong] if wrong else []) for name, wrong in results])


if __name__ == '__main__':
    sys.exit(main())
