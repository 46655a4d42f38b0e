#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The patch series to Mesa: apply it, export it, check it, take it back.

Each folder is a merge request: numbered patches and a cover letter, in the
order of their names. A file *.sources stands for a generated patch to
src/vulkan/win32_sync, whose final state is src/vulkan_win32_sync: it has the
message, names the files that it adds, and has the changes that it makes to
those that are there before.
"""

import argparse
import configparser
import contextlib
import email.utils
import filecmp
import hashlib
import os
from pathlib import Path, PurePosixPath
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import urllib.request

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SUBPROJECTS = ROOT / 'subprojects'
SOURCES = ROOT / 'src' / 'vulkan_win32_sync'
MOUNT = PurePosixPath('src/vulkan/win32_sync')
STAMP = '.lavapipe-win32-sync'
# Raise when prepare() changes what it makes of the same input.
FORMAT = 2


class Failure(Exception):
    pass


# --- the wrap and its archive ---------------------------------------------

def wrap():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(SUBPROJECTS / 'mesa.wrap', encoding='utf-8')
    return parser['wrap-file']


def sha256(path):
    digest = hashlib.sha256()
    with open(path, 'rb') as f:
        for block in iter(lambda: f.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


def find_tarball(given=None):
    w = wrap()
    cached = SUBPROJECTS / 'packagecache' / w['source_filename']
    path = Path(given) if given else cached
    if not given and not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        print('downloading', w['source_url'], file=sys.stderr)
        partial = cached.with_name(f'{cached.name}.{os.getpid()}.part')
        try:
            with urllib.request.urlopen(w['source_url']) as src, open(partial, 'wb') as dst:
                shutil.copyfileobj(src, dst)
            os.replace(partial, cached)
        except OSError as e:
            raise Failure(f'{w["source_url"]}: {e}\nPut the archive into {cached.parent} by hand.')
        finally:
            partial.unlink(missing_ok=True)
    if sha256(path) != w['source_hash']:
        raise Failure(f'{path} has not the hash that subprojects/mesa.wrap asks for')
    return path


def extract(tarball, target):
    """Unpack the archive without its top folder. Nothing may exist there."""
    with tarfile.open(tarball) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts[1:]
            if not parts:
                continue
            if '..' in parts:
                raise Failure(f'{tarball}: bad member {member.name}')
            path = target.joinpath(*parts)
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if member.issym():
                try:
                    os.symlink(member.linkname, path)
                except (OSError, NotImplementedError):
                    # What git does where symbolic links need a privilege.
                    path.write_bytes(member.linkname.encode())
            elif member.isreg():
                with open(path, 'wb') as f:
                    shutil.copyfileobj(tar.extractfile(member), f)
                os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
                # ninja and git both compare these.
                os.utime(path, (member.mtime, member.mtime))
            else:
                raise Failure(f'{tarball}: unexpected member {member.name}')


# --- the series -----------------------------------------------------------

class Patch:
    """A file of the series: a message, then a diff."""

    def __init__(self, path):
        self.path = path
        self.is_sources = path.suffix == '.sources'
        text = path.read_text(encoding='utf-8')
        self.adds = []
        while text.startswith('Adds: '):
            line, _, text = text.partition('\n')
            self.adds += line[6:].split()
        m = re.match(r'Subject: (.*)\n\n((?:.*\n)*?)---\n', text)
        if not m:
            raise Failure(f'{path.relative_to(ROOT)} does not begin with a subject and a message')
        self.subject, self.body = m.group(1), m.group(2).strip()
        self.diff = text[m.end():]


class Request:
    """A folder of the series."""

    def __init__(self, path):
        self.path, self.name = path, path.name
        self.patches = [Patch(p) for p in sorted(path.iterdir()) if p.suffix in ('.patch', '.sources')]
        if sum(p.is_sources for p in self.patches) > 1:
            raise Failure(f'{self.name} has more than one *.sources')

    @property
    def sources(self):
        return next((p for p in self.patches if p.is_sources), None)


def series():
    return [Request(p) for p in sorted(HERE.glob('[a-z]-*')) if p.is_dir()]


def choose(names):
    """The merge requests that are named, by their folders or first letters."""
    requests = series()
    for name in names:
        if not any(name in (r.name, r.name[0]) for r in requests):
            raise Failure(f'{name} is none of {", ".join(r.name for r in requests)}')
    return [r for r in requests if not names or r.name in names or r.name[0] in names]


def source_files():
    """{path below the mount point: file}, without editors' leavings."""
    found = {}
    for path in sorted(SOURCES.rglob('*')):
        rel = path.relative_to(SOURCES)
        if path.is_file() and not any(p.startswith('.') or p == '__pycache__' for p in rel.parts) \
           and not rel.name.endswith(('~', '.orig', '.rej', '.swp')):
            found[PurePosixPath(*rel.parts)] = path
    return found


class Sources:
    """src/vulkan/win32_sync after each merge request, from the last one back."""

    def __init__(self, requests):
        self.diffs, self.lines = {}, {}
        with tempfile.TemporaryDirectory() as temp:
            folder = Path(temp).joinpath(*MOUNT.parts)
            for rel, path in source_files().items():
                folder.joinpath(*rel.parts).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder.joinpath(*rel.parts))
            git(temp, 'init', '-q')
            after, counted = self.state(temp)
            for request in reversed([r for r in requests if r.sources]):
                self.undo(temp, folder, request, is_first=request is self.first(requests))
                before, left = self.state(temp)
                self.diffs[request.name] = git(temp, 'diff-tree', '-p', '--full-index', '--no-renames',
                                               before, after).decode()
                self.lines[request.name] = counted - left
                after, counted = before, left

    @staticmethod
    def first(requests):
        return next(r for r in requests if r.sources)

    @staticmethod
    def state(temp):
        git(temp, 'add', '-A', '-f', '.')
        lines = sum(len(p.read_bytes().splitlines()) for p in Path(temp).joinpath(*MOUNT.parts).rglob('*')
                    if p.is_file())
        return git(temp, 'write-tree').decode().strip(), lines

    @staticmethod
    def undo(temp, folder, request, is_first):
        if is_first:
            shutil.rmtree(folder)
            return
        for name in request.sources.adds:
            if not (folder / name).is_file():
                raise Failure(f'{request.sources.path.name} adds {name}, which src/vulkan_win32_sync has not')
            (folder / name).unlink()
        try:
            git(temp, 'apply', '-R', '--whitespace=nowarn', '-', stdin=request.sources.diff.encode())
        except Failure as e:
            raise Failure(f'{request.sources.path.relative_to(ROOT)} does not fit src/vulkan_win32_sync any more: '
                          f'its changes cannot be taken out.\n{e}')


def find_author(given):
    """Of exported patches: the one given, or git's user."""
    def config(name):
        return subprocess.run(['git', 'config', name], stdout=subprocess.PIPE, check=False).stdout.decode().strip()

    author = given or f'{config("user.name")} <{config("user.email")}>'
    if not re.fullmatch(r'[^<>]+ <[^<>@ ]+@[^<>@ ]+>', author):
        raise Failure(f'"{author}" is no author: give --author "Name <mail>", or git its user.name and user.email')
    return author


def mail(author, subject, text):
    return (f'From {"0" * 40} Mon Sep 17 00:00:00 2001\n'
            f'From: {author}\nDate: {email.utils.formatdate(localtime=True)}\n'
            f'Subject: [PATCH{subject[0]}] {subject[1]}\n'
            'MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n'
            f'Content-Transfer-Encoding: 8bit\n\n{text}\n')


def mbox(requests, author, cover=False):
    diffs = Sources(series()).diffs
    mails = []
    for request in requests:
        count = len(request.patches)
        if cover:
            if not (request.path / 'cover-letter.md').is_file():
                raise Failure(f'{request.name} has no cover-letter.md')
            title, _, body = (request.path / 'cover-letter.md').read_text(encoding='utf-8').partition('\n')
            mails.append(mail(author, (f' 0/{count}', title.lstrip('# ')), body.strip() + '\n'))
        for number, patch in enumerate(request.patches, 1):
            diff = diffs[request.name] if patch.is_sources else patch.diff
            mails.append(mail(author, (f' {number}/{count}', patch.subject), f'{patch.body}\n---\n\n{diff}'))
    return ''.join(mails).encode()


def table():
    """Markdown, as README.md has it."""
    requests = series()
    sources = Sources(requests).lines
    rows, total = [], [0, 0, 0]
    for request in requests:
        row = [len(request.patches),
               sum(len(p.path.read_bytes().splitlines()) for p in request.patches), sources.get(request.name, 0)]
        total = [a + b for a, b in zip(total, row)]
        rows.append((f'`{request.name}`', *row))
    return '\n'.join(['| merge request | patches | lines of patches | lines of `src/vulkan/win32_sync` |',
                      '| --- | --- | --- | --- |']
                     + [f'| {a} | {b} | {c} | {d} |' for a, b, c, d in [*rows, ('all', *total)]]) + '\n'


# --- git ------------------------------------------------------------------

def git(cwd, *args, stdin=None, env=None):
    command = ['git', '-c', 'core.autocrlf=false', '-c', 'gc.auto=0'] + list(args)
    full = dict(os.environ)
    for name in [n for n in full if n.startswith('GIT_')]:
        del full[name]
    # The tree may lie inside another repository, which is not its own.
    full['GIT_CEILING_DIRECTORIES'] = str(Path(cwd).resolve().parent)
    # Nor may a user's settings change what comes out.
    full.update(GIT_CONFIG_NOSYSTEM='1', GIT_CONFIG_GLOBAL=os.devnull)
    full.update(env or {})
    try:
        done = subprocess.run(command, cwd=cwd, input=stdin, env=full,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError:
        raise Failure('git is not on PATH; the series is applied with it')
    if done.returncode != 0:
        text = (done.stdout + done.stderr).decode(errors='replace').strip()
        raise Failure(f'git {" ".join(args[:2])} in {cwd}:\n{text}')
    return done.stdout


def fork(directory, tarball, requests, author):
    """A branch for each merge request; the last one is checked out."""
    directory = Path(directory)
    if directory.exists() and any(directory.iterdir()):
        raise Failure(f'{directory} is not empty')
    directory.mkdir(parents=True, exist_ok=True)
    version = wrap()['directory'].split('-')[-1]
    extract(tarball, directory)
    git(directory, 'init', '-q', '-b', 'main')
    # The archive's bytes, not what Mesa's own attributes make of them.
    (directory / '.git' / 'info' / 'attributes').write_text('* -text -eol\n')
    name, _, address = author.rstrip('>').rpartition(' <')
    who = {'GIT_AUTHOR_NAME': 'Mesa', 'GIT_AUTHOR_EMAIL': 'mesa@localhost',
           'GIT_AUTHOR_DATE': '2025-05-28T12:00:00Z',
           'GIT_COMMITTER_NAME': name, 'GIT_COMMITTER_EMAIL': address}
    git(directory, 'add', '-A', '-f', '.')
    git(directory, 'commit', '-q', '-m', f'Mesa {version}, the release archive',
        env={**who, 'GIT_COMMITTER_DATE': who['GIT_AUTHOR_DATE']})
    git(directory, 'tag', f'mesa-{version}', env=who)
    for request in requests:
        git(directory, 'checkout', '-q', '-b', request.name)
        git(directory, 'am', '-q', stdin=mbox([request], author), env=who)
    return f'mesa-{version}'


# --- the subproject -------------------------------------------------------

def target_dir():
    return SUBPROJECTS / wrap()['directory']


def remove_tree(path):
    def retry(function, name, _):
        os.chmod(name, stat.S_IWRITE)
        function(name)
    if path.exists():
        shutil.rmtree(path, onerror=retry)


@contextlib.contextmanager
def locked():
    with open(SUBPROJECTS / '.mesa-lock', 'w') as f:
        if os.name == 'nt':
            import msvcrt
            while True:
                try:
                    msvcrt.locking(f.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:
                    pass
        else:
            import fcntl
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


def tree_key(patches):
    digest = hashlib.sha256(f'{FORMAT} {wrap()["source_hash"]}\n'.encode())
    for path in patches:
        data = path.read_bytes()
        digest.update(f'{path.name} {len(data)}\n'.encode() + data)
    return digest.hexdigest()


def list_tree(top, skip=()):
    """{relative path: (kind, exec bit)} of files and symbolic links."""
    found = {}
    for folder, dirs, files in os.walk(top):
        rel = Path(folder).relative_to(top)
        for name in list(dirs):
            if name in ('.git', '__pycache__'):
                dirs.remove(name)
            elif (Path(folder) / name).is_symlink():
                dirs.remove(name)
                files.append(name)
        for name in files:
            path = (rel / name).as_posix()
            if path not in skip:
                mode = (Path(folder) / name).lstat().st_mode
                found[path] = (stat.S_ISLNK(mode), bool(mode & 0o100) and os.name != 'nt')
    return found


def mounted(path):
    return path.startswith(f'{MOUNT}/')


def same(a, b, kind):
    if kind[0]:
        return os.readlink(a) == os.readlink(b)
    return filecmp.cmp(a, b, shallow=False)


def copy_changed(source, target):
    """Make target equal to source; what is equal keeps its time stamps."""
    old, new = list_tree(target, {STAMP}), list_tree(source, {STAMP})
    changed = 0
    for rel in old:
        if rel not in new and not mounted(rel):
            (target / rel).unlink()
            changed += 1
    for rel, kind in new.items():
        if old.get(rel) == kind and same(source / rel, target / rel, kind):
            continue
        path = target / rel
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            path.unlink()
        # A new time stamp: an unpacked file's own may be older than the
        # object that was built from the patched one.
        shutil.copyfile(source / rel, path, follow_symlinks=False)
        if not kind[0]:
            shutil.copymode(source / rel, path)
        changed += 1
    return changed


def mount(target):
    """Bring src/vulkan_win32_sync into the tree. True if as links."""
    folder = target.joinpath(*MOUNT.parts)
    files = source_files()
    linked = os.name != 'nt'
    for path in sorted(folder.rglob('*'), reverse=True):
        rel = PurePosixPath(path.relative_to(folder).as_posix())
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif rel not in files:
            path.unlink()
    for rel, source in files.items():
        path = folder.joinpath(*rel.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        if linked:
            # An edit reaches ninja through the link. Files are linked, not
            # the folder, so that ".." in an #include stays in Mesa's tree.
            text = os.path.relpath(source, path.parent)
            if path.is_symlink() and os.readlink(path) == text:
                continue
            if path.is_symlink() or path.exists():
                path.unlink()
            os.symlink(text, path)
        elif not path.exists() or not filecmp.cmp(source, path, shallow=False):
            shutil.copyfile(source, path)
    return linked


def prepare(tarball):
    SUBPROJECTS.mkdir(exist_ok=True)
    with locked():
        patches = [p.path for request in series() for p in request.patches if not p.is_sources]
        target = target_dir()
        key = tree_key(patches)
        stamp = target / STAMP
        if not stamp.is_file() or stamp.read_text() != key:
            for left in SUBPROJECTS.glob('.mesa-tree-*'):
                remove_tree(left)
            tree = Path(tempfile.mkdtemp(prefix='.mesa-tree-', dir=SUBPROJECTS))
            try:
                tree.chmod(0o755)
                extract(find_tarball(tarball), tree)
                for path in patches:
                    git(tree, 'apply', '--whitespace=nowarn', str(path))
                if target.exists():
                    stamp.unlink(missing_ok=True)
                    changed = copy_changed(tree, target)
                    print(f'{target.name}: {changed} files brought up to date', file=sys.stderr)
                    stamp.write_text(key)
                else:
                    (tree / STAMP).write_text(key)
                    os.rename(tree, target)
                    print(f'{target.name}: unpacked, {len(patches)} patches applied', file=sys.stderr)
            finally:
                remove_tree(tree)
        linked = mount(target)

    # Meson reads this: a change to one of these files means to configure
    # again. Linked sources need no such detour.
    return patches if linked else [*patches, *source_files().values()]


def compare(expected, actual):
    """Messages for every difference between two trees."""
    want, have = list_tree(expected, {STAMP}), list_tree(actual, {STAMP})
    for rel in sorted(want.keys() | have.keys()):
        if rel not in have:
            yield f'only in the fork: {rel}'
        elif rel not in want:
            yield f'only in the subproject: {rel}'
        elif mounted(rel):
            if want[rel][0] or not filecmp.cmp(expected / rel, actual / rel, shallow=False):
                yield f'differs: {rel}'
        elif want[rel] != have[rel] or not same(expected / rel, actual / rel, want[rel]):
            yield f'differs: {rel}'


def check(tarball):
    target = target_dir()
    if not (target / STAMP).is_file():
        raise Failure(f'{target} is not there yet: run series.py prepare')
    if table() not in (HERE / 'README.md').read_text(encoding='utf-8'):
        raise Failure(f'The table in README.md is not what series.py table prints:\n{table()}')
    with tempfile.TemporaryDirectory(prefix='mesa-series-', ignore_cleanup_errors=True) as temp:
        fork(Path(temp) / 'mesa', find_tarball(tarball), series(), 'check <check@localhost>')
        differences = list(compare(Path(temp) / 'mesa', target))
    for line in differences[:50]:
        print(line)
    if differences:
        raise Failure(f'{len(differences)} files differ between git am of the series and {target.name}')
    print(f'git am of the series on the pristine archive gives {target.name}, file by file')


# --- taking changes back --------------------------------------------------

def changed(directory, *args):
    return git(directory, 'diff-tree', '-r', '-z', '--no-commit-id', '--name-only', '--no-renames',
               *args).decode().split('\0')[:-1]


def sources_change(directory, before, after):
    """What a *.sources has above and below its message."""
    added = changed(directory, '--diff-filter=A', before, after, '--', str(MOUNT))
    gone = changed(directory, '--diff-filter=D', before, after, '--', str(MOUNT))
    if gone:
        raise Failure(f'{gone[0]}: a merge request cannot remove what an earlier one adds')
    if not git(directory, 'ls-tree', before, f'{MOUNT}/'):
        return '', ''
    names = ' '.join(str(PurePosixPath(p).relative_to(MOUNT)) for p in added)
    # Little context, so that few edits of the sources touch it.
    diff = git(directory, 'diff-tree', '-p', '-U1', '--no-renames', '--diff-filter=M', before, after,
               '--', str(MOUNT)).decode()
    return f'Adds: {names}\n' if names else '', re.sub(r'^index .*\n', '', diff, flags=re.MULTILINE)


def take_request(directory, before, after, old):
    """{file name: text} of the commits between two."""
    files, folded = {}, []
    subject = old.sources.subject if old and old.sources else None
    for commit in git(directory, 'rev-list', '--reverse', f'{before}..{after}').decode().split():
        if len(git(directory, 'rev-list', '--parents', '-n', '1', commit).split()) != 2:
            raise Failure(f'{commit[:12]} is a merge; the series is a line')
        paths = changed(directory, commit)
        inside = [p for p in paths if mounted(p)]
        if inside and len(inside) != len(paths):
            raise Failure(f'{commit[:12]} changes {MOUNT} and other files; split it')
        title, _, body = git(directory, 'log', '-1', '--format=%B', commit).decode().strip().partition('\n')
        message = f'Subject: {title}\n\n{body.strip()}\n---\n'
        if inside:
            # Later changes of the sources are folded into the one patch.
            folded.append((title, message))
            if len(folded) > 1:
                continue
        slug = re.sub(r'[^A-Za-z0-9._]+', '-', title).strip('-')[:52].rstrip('-.')
        name = f'{len(files) + 1:04d}-{slug}'
        if inside:
            files[f'{name}.sources'] = None
        else:
            files[f'{name}.patch'] = message + git(directory, 'diff-tree', '-p', '--full-index', '--binary',
                                                   '--no-renames', '--no-commit-id', commit).decode()
    for name in [n for n in files if files[n] is None]:
        adds, diff = sources_change(directory, before, after)
        files[name] = adds + next((m for t, m in folded if t == subject), folded[0][1]) + diff
    return files


def refresh(directory, tarball):
    directory = Path(directory).resolve()
    before = 'mesa-' + wrap()['directory'].split('-')[-1]
    if git(directory, 'status', '--porcelain', '--untracked-files=no').strip():
        raise Failure(f'{directory} has changes that are not committed')
    old = {r.name: r for r in series()}
    branches = git(directory, 'branch', '--list', '[a-z]-*', '--format=%(refname:short)').decode().split()
    missing = [name for name in old if name not in branches]
    if missing:
        raise Failure(f'{directory} has no branch {missing[0]}')
    for name in sorted(branches):
        # What was committed on top belongs to the last one.
        after = 'HEAD' if name == max(branches) else name
        files = take_request(directory, before, after, old.get(name))
        (HERE / name).mkdir(exist_ok=True)
        for path in (HERE / name).iterdir():
            if path.suffix in ('.patch', '.sources') and path.name not in files:
                path.unlink()
                print('removed', f'{name}/{path.name}')
        for file, text in files.items():
            write_if_changed(HERE / name / file, text.encode())
        before = after

    tip = {}
    listing = git(directory, 'ls-tree', '-r', '-z', '--name-only', 'HEAD', str(MOUNT)).decode()
    for path in listing.split('\0')[:-1]:
        tip[PurePosixPath(path).relative_to(MOUNT)] = path
    for rel, path in source_files().items():
        if rel not in tip:
            path.unlink()
            print('removed', path.relative_to(ROOT))
    for rel, path in tip.items():
        write_if_changed(SOURCES.joinpath(*rel.parts), git(directory, 'cat-file', 'blob', f'HEAD:{path}'))
    if target_dir().exists():
        prepare(tarball)


def write_if_changed(path, data):
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print('wrote', path.relative_to(ROOT))


# --- command line ---------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tarball', help='the Mesa release archive (default: '
                        'subprojects/packagecache, else the URL in subprojects/mesa.wrap)')
    commands = parser.add_subparsers(dest='command', required=True)
    commands.add_parser('prepare', help='make subprojects/mesa-*')
    p = commands.add_parser('fork', help='write a git tree: Mesa, then the series, a branch for each merge request')
    p.add_argument('--author', help='"Name <mail>" of the commits (default: git\'s user)')
    p.add_argument('--upto', metavar='REQUEST', help='the last merge request, such as c (default: all)')
    p.add_argument('directory')
    p = commands.add_parser('mbox', help='write merge requests as one file for git am')
    p.add_argument('--author', help='"Name <mail>" of the mails (default: git\'s user)')
    p.add_argument('--cover-letter', action='store_true',
                   help='begin each with its cover letter; then it is "git am --empty=drop"')
    p.add_argument('file', help='"-" for standard output')
    p.add_argument('request', nargs='*', help='such as c, or its whole name (default: all)')
    commands.add_parser('check', help='compare git am of the series with subprojects/mesa-*, and the table in README.md')
    commands.add_parser('table', help='print that table')
    p = commands.add_parser('refresh', help='write the series back from a tree made by fork')
    p.add_argument('directory')
    p = commands.add_parser('try', help='say what of the series applies to another Mesa, which is left alone')
    p.add_argument('tree')
    args = parser.parse_args()

    try:
        if args.command == 'prepare':
            # Meson reads this: a change to one of these files means to
            # configure again. Linked sources need no such detour.
            for path in prepare(args.tarball):
                print(path.relative_to(ROOT).as_posix())
        elif args.command == 'fork':
            requests = series()
            if args.upto:
                requests = [r for r in requests if r.name <= choose([args.upto])[0].name]
            base = fork(args.directory, find_tarball(args.tarball), requests, find_author(args.author))
            print(f'{args.directory}: {base}, then the branches {", ".join(r.name for r in requests)}')
        elif args.command == 'mbox':
            data = mbox(choose(args.request), find_author(args.author), args.cover_letter)
            if args.file == '-':
                sys.stdout.buffer.write(data)
            else:
                Path(args.file).write_bytes(data)
        elif args.command == 'check':
            check(args.tarball)
        elif args.command == 'table':
            print(table(), end='')
        elif args.command == 'refresh':
            refresh(args.directory, args.tarball)
        elif args.command == 'try':
            import trial
            return trial.report(series(), Path(args.tree))
    except Failure as e:
        print(f'series.py: {e}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
