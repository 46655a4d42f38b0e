# SPDX-License-Identifier: MIT
"""series.py try: what of the series applies to another tree of Mesa, and why not."""

import re


class Hunk:
    def __init__(self, start, lines):
        self.start = start
        self.old = [line[1:] for line in lines if line[0] in ' -']
        self.new = [line[1:] for line in lines if line[0] in ' +']
        self.added = {line[1:] for line in lines if line[0] == '+' and line[1:].strip()}


def parse(diff):
    """[(file, is new, hunks)]"""
    files = []
    for part in re.split(r'^diff --git ', diff, flags=re.MULTILINE)[1:]:
        lines = part.split('\n')
        name = next((line[6:] for line in lines if line.startswith('+++ b/')), None)
        hunks, current = [], None
        for line in lines:
            m = re.match(r'@@ -(\d+)', line)
            if m:
                current = []
                hunks.append((int(m.group(1)), current))
            elif current is not None and line[:1] in (' ', '+', '-') and line:
                current.append(line)
        files.append((name, 'new file mode' in part, [Hunk(*hunk) for hunk in hunks]))
    return files


def find(text, hunk, near):
    """Where the hunk's old lines are, nearest to where they are expected."""
    size = len(hunk.old)
    places = [i for i in range(len(text) - size + 1) if text[i:i + size] == hunk.old]
    return min(places, key=lambda i: abs(i - near)) if places else None


def differs(text, hunk, near):
    """The best place, and the first line of it that is another: (line, have, want)."""
    def score(at):
        return sum(a == b for a, b in zip(text[at:], hunk.old))

    best = max(range(max(len(text), 1)), key=lambda i: (score(i), -abs(i - near)), default=0)
    for offset, want in enumerate(hunk.old):
        have = text[best + offset] if best + offset < len(text) else None
        if have != want:
            return best + offset + 1, have, want
    return best + 1, None, None


def try_file(tree, label, name, is_new, hunks, texts, missed):
    """Apply what applies, in memory; a reason for each hunk that does not."""
    if name not in texts:
        path = tree / name
        texts[name] = path.read_text(encoding='utf-8', errors='replace').split('\n') if path.is_file() else None
    if is_new and texts[name] is not None:
        yield f'{name}: the file is there already'
        return
    if not is_new and texts[name] is None:
        for number in range(1, len(hunks) + 1):
            yield f'{name}: hunk {number}: the file is not there'
        return
    text = texts[name] = texts[name] or ([] if is_new else None)
    shift = 0
    for number, hunk in enumerate(hunks, 1):
        near = max(hunk.start - 1 + shift, 0)
        at = 0 if is_new else find(text, hunk, near)
        if at is not None:
            text[at:at + len(hunk.old)] = hunk.new
            shift += at - near + len(hunk.new) - len(hunk.old)
            continue
        line, have, want = differs(text, hunk, near)
        if (name, want) in missed:
            yield f'{name}: hunk {number}: it needs {missed[name, want]}'
        else:
            have = f'is "{have.strip()}"' if have is not None else 'is after the end'
            yield f'{name}: hunk {number}: line {line} {have}, not "{(want or "").strip()}"'
        for added in hunk.added:
            missed.setdefault((name, added), f'hunk {number} of {label}')


def report(requests, tree):
    """Print a line for each patch; 1 if something does not apply."""
    if not (tree / 'src' / 'vulkan' / 'runtime' / 'vk_sync.h').is_file():
        print(f'{tree} has no src/vulkan/runtime/vk_sync.h: this is not Mesa')
        return 1
    texts, missed, bad = {}, {}, 0
    for request in requests:
        for patch in request.patches:
            label = f'{request.name}/{patch.path.name}'
            # The files of a *.sources are ours alone.
            reasons = [] if patch.is_sources else [
                reason for name, is_new, hunks in parse(patch.diff)
                for reason in try_file(tree, label, name, is_new, hunks, texts, missed)]
            print(f'{"does not apply" if reasons else "applies"}: {label}')
            for reason in reasons:
                print(f'   {reason}')
            bad += bool(reasons)
    print(f'{bad} patches do not apply' if bad else 'the whole series applies')
    return int(bool(bad))
