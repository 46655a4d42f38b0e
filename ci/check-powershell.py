#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: check-powershell.py [FILE.ps1...]

TAP, for the scripts in ci/windows and dist/package by default: what a
tokenizer can find in PowerShell scripts: strings, here-strings, comments and
brackets that do not end, blanks after the "`" that continues a line, a comment
behind one, and cmdlets or parameters that are not in the tables below.
PowerShell's own parser is in no package of Debian; where there is a pwsh, such
as in the GitLab job, ci/windows/check.ps1 asks that.
"""

from pathlib import Path
import re
import sys

from lib import tap

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
CLOSES = {'(': ')', '{': '}', '[': ']'}


class Bad(Exception):
    def __init__(self, line, text):
        super().__init__(f'{line}: {text}')


class Tokens:
    """(kind, text, line): word, string, variable, end, or a punctuation mark."""

    def __init__(self, text):
        self.text, self.at, self.line, self.found = text, 0, 1, []

    def take(self, length):
        piece = self.text[self.at:self.at + length]
        self.line += piece.count('\n')
        self.at += length
        return piece

    def add(self, kind, text, line):
        self.found.append((kind, text, line))

    def until(self, mark, what):
        end = self.text.find(mark, self.at)
        if end < 0:
            raise Bad(self.line, f'{what} does not end')
        return self.take(end - self.at + len(mark))

    def here_string(self, quote):
        line = self.line
        if not re.match(r'@["\'][ \t]*\n', self.text[self.at:]):
            raise Bad(line, 'text behind the start of a here-string')
        self.until('\n', 'a here-string')
        # The end has to be at the start of a line.
        if not self.text.startswith(f'{quote}@', self.at):
            self.until(f'\n{quote}@', f'the here-string of line {line}')
        else:
            self.take(2)
        self.add('string', '', line)

    def double_quoted(self):
        line = self.line
        self.take(1)
        while True:
            if self.at >= len(self.text):
                raise Bad(line, 'a string does not end')
            if self.text.startswith('""', self.at) or self.text[self.at] == '`':
                self.take(2)
            elif self.text.startswith('$(', self.at):
                self.take(2)
                self.group(')', self.line)
            elif self.take(1) == '"':
                break
        self.add('string', '', line)

    def single_quoted(self):
        line = self.line
        self.take(1)
        while True:
            self.until("'", f'the string of line {line}')
            if not self.text.startswith("'", self.at):
                break
            self.take(1)
        self.add('string', '', line)

    def group(self, closing, opened):
        """Tokens up to the closing bracket, or to the end for None."""
        while self.at < len(self.text):
            rest, c, line = self.text[self.at:], self.text[self.at], self.line
            if rest.startswith('<#'):
                self.until('#>', 'a comment')
            elif c == '#':
                if self.found and self.found[-1][0] == 'continued':
                    raise Bad(line, 'a comment in a continued line')
                self.take(len(rest.split('\n', 1)[0]))
            elif c == '`':
                if not re.match(r'`\r?\n', rest):
                    if re.match(r'`[ \t]+\n', rest):
                        raise Bad(line, 'blanks behind the "`" that is to continue the line')
                    raise Bad(line, 'a "`" outside of strings')
                self.take(2)
                if re.match(r'[ \t]*(\n|$)', self.text[self.at:]):
                    raise Bad(line, 'the line is continued by an empty one')
                self.add('continued', c, line)
            elif re.match(r'@["\']', rest):
                self.here_string(rest[1])
            elif c == '"':
                self.double_quoted()
            elif c == "'":
                self.single_quoted()
            elif c in CLOSES or rest.startswith(('@(', '@{', '$(')):
                opening = self.take(1 if c in CLOSES else 2)
                self.add('open', opening, line)
                self.group(CLOSES[opening[-1]], line)
                self.add('close', CLOSES[opening[-1]], line)
            elif c in ')}]':
                if c != closing:
                    raise Bad(line, f'"{c}" closes nothing' if closing is None else
                              f'"{c}" where the bracket of line {opened} wants "{closing}"')
                self.take(1)
                return
            elif c in '\n;':
                self.add('end', self.take(1), line)
            elif c in ' \t\r':
                self.take(1)
            elif re.match(r'\$(\{[^}\n]*\}|[\w:]+|[?$^])', rest):
                self.add('variable', self.take(re.match(r'\$(\{[^}\n]*\}|[\w:]+|[?$^])', rest).end()), line)
            elif re.match(r'\|\||&&|[|&=]', rest):
                self.add('operator', self.take(re.match(r'\|\||&&|[|&=]', rest).end()), line)
            else:
                self.add('word', self.take(re.match(r'[^\s;|&=(){}\[\]"\'`$]+|.', rest).end()), line)
        if closing is not None:
            raise Bad(opened, f'a bracket wants its "{closing}"')


def check_commands(tokens):
    command, start = None, True
    stack = []
    for kind, text, line in tokens:
        if kind == 'open':
            stack.append(command)
            command, start = None, True
        elif kind == 'close':
            command, start = stack.pop(), False
            if text == '}':
                command, start = None, True
        elif kind == 'end' or kind == 'operator':
            command, start = None, True
        elif kind == 'word':
            if start and re.fullmatch(r'[A-Za-z]+-[A-Za-z]+', text) and text not in PROGRAMS:
                command = text.lower()
                if command not in CMDLETS:
                    yield f'{line}: {text} is not in check-powershell.py\'s table of cmdlets'
                    command = None
            elif command and re.fullmatch(r'-[A-Za-z]\w*', text):
                if text[1:].lower() not in CMDLETS[command].split():
                    yield f'{line}: {command} has no parameter {text}, says check-powershell.py\'s table'
            start = False
        elif kind != 'continued':
            start = False


def check(path):
    data = path.read_bytes()
    try:
        text = data.decode('ascii')
    except UnicodeDecodeError:
        return ['not ASCII: Windows PowerShell takes it for another encoding']
    if '\r' in text or '\t' in text or re.search(r' $', text, re.MULTILINE) or not text.endswith('\n'):
        return ['tabs, carriage returns, blanks at the end of a line, or no newline at the end of the file']
    tokens = Tokens(text)
    try:
        tokens.group(None, 0)
    except Bad as e:
        return [str(e)]
    return list(check_commands(tokens.found))


def main():
    root = Path(__file__).parent.parent
    scripts = sys.argv[1:] or [*sorted(root.glob('ci/windows/*.ps1')), *sorted(root.glob('dist/package/*.ps1'))]
    return tap.report([(Path(name).name, check(Path(name))) for name in scripts])


if __name__ == '__main__':
    sys.exit(main())
