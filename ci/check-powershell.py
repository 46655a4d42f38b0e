#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: check-powershell.py [FILE.ps1...]

TAP, for the scripts in ci/windows and dist/package by default: they can be
parsed, and have no cmdlets or parameters but those in the table below. Where
there is a pwsh, such as in the GitLab job, ci/windows/check.ps1 asks that.
"""

from pathlib import Path
import re
import subprocess
import sys

from lib import tap

ROOT = Path(__file__).resolve().parent.parent

# Cmdlets with the parameters that scripts of this repository may use.
CMDLETS = {
    'copy-item': 'path destination include exclude recurse force',
    'enter-vsdevshell': 'vsinstallpath skipautomaticlocation devcmdarguments',
    'foreach-object': 'process',
    'get-childitem': 'path filter include recurse force',
    'get-content': 'path raw',
    'get-date': 'format',
    'import-module': 'name',
    'join-path': 'path childpath',
    'new-item': 'path name itemtype value force',
    'new-itemproperty': 'path name value propertytype force',
    'out-null': '',
    'pop-location': '',
    'push-location': 'path',
    'remove-item': 'path recurse force erroraction',
    'select-object': 'first property',
    'set-location': 'path',
    'split-path': 'parent leaf path',
    'test-path': 'path',
    'where-object': 'filterscript',
    'write-host': 'object',
    'write-output': 'inputobject',
}
# Programs whose names look like those of cmdlets.
PROGRAMS = {'deqp-runner'}


def nodes(node):
    yield node
    for child in node.children:
        yield from nodes(child)


def check_command(command):
    name = command.child_by_field_name('command_name')
    if name is None or not re.fullmatch('[A-Za-z]+-[A-Za-z]+', name.text.decode()) or name.text.decode() in PROGRAMS:
        return
    name = name.text.decode()
    if name.lower() not in CMDLETS:
        yield f'{name} is not in check-powershell.py\'s table of cmdlets'
        return
    elements = [e for child in command.children if child.type == 'command_elements' for e in child.children]
    for parameter in (e.text.decode() for e in elements if e.type == 'command_parameter'):
        if parameter[1:].lower() not in CMDLETS[name.lower()].split():
            yield f'{name} has no parameter {parameter}, says check-powershell.py\'s table'


def check(parser, path):
    data = path.read_bytes()
    if not data.isascii():
        return ['not ASCII: Windows PowerShell takes it for another encoding']
    found = []
    if re.search(rb'[\t\r]| $', data, re.MULTILINE) or not data.endswith(b'\n'):
        found.append('tabs, carriage returns, blanks at the end of a line, or no newline at the end of the file')
    for node in nodes(parser.parse(data).root_node):
        line = node.start_point[0] + 1
        if node.type == 'ERROR' or node.is_missing:
            return [f'{line}: cannot be parsed']
        if node.type == 'command':
            found += [f'{line}: {wrong}' for wrong in check_command(node)]
    return found


def main():
    scripts = sys.argv[1:] or [*sorted(ROOT.glob('ci/windows/*.ps1')), *sorted(ROOT.glob('dist/package/*.ps1'))]
    folder = subprocess.run([ROOT / 'ci' / 'powershell-parser'], capture_output=True, encoding='utf-8', check=False)
    if folder.returncode == 77:
        return tap.skip_all(folder.stderr.strip().splitlines()[-1])
    sys.path.insert(0, folder.stdout.splitlines()[-1])
    from tree_sitter import Language, Parser
    import tree_sitter_powershell
    parser = Parser(Language(tree_sitter_powershell.language()))
    return tap.report([(Path(name).name, check(parser, Path(name))) for name in scripts])


if __name__ == '__main__':
    sys.exit(main())
