#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The patch series to Mesa: apply it, export it, check it, take it back.

The file `series` lists the patches in order. Its line `@sources` stands for
a generated patch that adds src/vulkan_win32_sync/ to Mesa, with the message
in `sources.msg`.
"""

import argparse
import configparser
import contextlib
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
AUTHOR = 'lavapipe-win32-sync <lavapipe-win32-sync@localhost>'
DATE = 'Sat, 21 Nov 2026 00:00:00 +0000'
# Raise when prepare() changes what it makes of the same input.
FORMAT = 1


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

def series():
    """Lines of the file `series`: patch names and '@sources'."""
    lines = []
    for line in (HERE / 'series').read_text(encoding='utf-8').splitlines():
        line = line.split('#')[0].strip()
        if line:
            lines.append(line)
    for name in lines:
        if name != '@sources' and not (HERE / name).is_file():
            raise Failure(f'src/runtime_glue/series names {name}, which is not there')
    listed = set(lines)
    for path in sorted(HERE.glob('*.patch')):
        if path.name not in listed:
            raise Failure(f'{path.name} is not listed in src/runtime_glue/series')
    if lines.count('@sources') != 1:
        raise Failure('src/runtime_glue/series must have exactly one line @sources')
    return lines


def source_files():
    """{path below the mount point: file}, without editors' leavings."""
    found = {}
    for path in sorted(SOURCES.rglob('*')):
        rel = path.relative_to(SOURCES)
        if path.is_file() and not any(p.startswith('.') or p == '__pycache__' for p in rel.parts) \
           and not rel.name.endswith(('~', '.orig', '.rej', '.swp')):
            found[PurePosixPath(*rel.parts)] = path
    return found


def sources_message():
    text = (HERE / 'sources.msg').read_text(encoding='utf-8')
    headers = {'From': AUTHOR, 'Date': DATE}
    while True:
        m = re.match(r'(From|Date): *(.*)\n', text)
        if not m:
            break
        headers[m.group(1)] = m.group(2)
        text = text[m.end():]
    subject, _, body = text.strip().partition('\n')
    return headers, subject, body.strip()


def sources_patch():
    """What git format-patch would print for a commit that adds the sources."""
    headers, subject, body = sources_message()
    files = source_files()
    diff, stat_lines, total = [], [], 0
    for rel, path in files.items():
        data = path.read_bytes()
        name = f'{MOUNT}/{rel}'
        blob = hashlib.sha1(b'blob %d\0' % len(data) + data).hexdigest()
        lines = re.findall(rb'[^\n]*\n|[^\n]+', data)
        total += len(lines)
        stat_lines.append(f' {name} | {len(lines)} +')
        diff.append(f'diff --git a/{name} b/{name}\nnew file mode 100644\n'
                    f'index {"0" * 40}..{blob}\n'.encode())
        if lines:
            span = f'+1,{len(lines)}' if len(lines) > 1 else '+1'
            diff.append(f'--- /dev/null\n+++ b/{name}\n@@ -0,0 {span} @@\n'.encode())
            for line in lines:
                diff.append(b'+' + line)
            if not lines[-1].endswith(b'\n'):
                diff.append(b'\n\\ No newline at end of file\n')
    if not files:
        return b''
    head = (f'From {"0" * 40} Mon Sep 17 00:00:00 2001\n'
            f'From: {headers["From"]}\nDate: {headers["Date"]}\n'
            f'Subject: [PATCH] {subject}\n'
            'MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n'
            'Content-Transfer-Encoding: 8bit\n\n')
    head += f'{body}\n---\n' if body else '---\n'
    head += '\n'.join(stat_lines)
    head += f'\n {len(files)} files changed, {total} insertions(+)\n\n'
    return head.encode() + b''.join(diff) + b'\n'


def cover_letter(count):
    """The text of an introduction, as a mail in front of the patches."""
    text = (HERE / 'cover-letter.md').read_text(encoding='utf-8')
    text = re.sub(r'\A<!--.*?-->\n', '', text)
    title, _, body = text.partition('\n')
    author = sources_message()[0]
    return (f'From {"0" * 40} Mon Sep 17 00:00:00 2001\n'
            f'From: {author["From"]}\nDate: {author["Date"]}\n'
            f'Subject: [PATCH 0/{count}] {title.lstrip("# ")}\n'
            'MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n'
            f'Content-Transfer-Encoding: 8bit\n\n{body.strip()}\n\n').encode()


def mbox(cover=False):
    parts = [cover_letter(len(series()))] if cover else []
    for name in series():
        data = sources_patch() if name == '@sources' else (HERE / name).read_bytes()
        if data and not data.startswith(b'From '):
            raise Failure(f'{name} is no output of git format-patch')
        if data and not data.endswith(b'\n'):
            data += b'\n'
        parts.append(data)
    return b''.join(parts)


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


def fork(directory, tarball):
    directory = Path(directory)
    if directory.exists() and any(directory.iterdir()):
        raise Failure(f'{directory} is not empty')
    directory.mkdir(parents=True, exist_ok=True)
    w = wrap()
    version = w['directory'].split('-')[-1]
    extract(tarball, directory)
    git(directory, 'init', '-q', '-b', 'win32-sync')
    # The archive's bytes, not what Mesa's own attributes make of them.
    (directory / '.git' / 'info' / 'attributes').write_text('* -text -eol\n')
    who = {'GIT_AUTHOR_NAME': 'Mesa', 'GIT_AUTHOR_EMAIL': 'mesa@localhost',
           'GIT_AUTHOR_DATE': '2025-05-28T12:00:00Z',
           'GIT_COMMITTER_NAME': 'lavapipe-win32-sync',
           'GIT_COMMITTER_EMAIL': 'lavapipe-win32-sync@localhost',
           'GIT_COMMITTER_DATE': '2025-05-28T12:00:00Z'}
    git(directory, 'add', '-A', '-f', '.')
    git(directory, 'commit', '-q', '-m', f'Mesa {version}, the release archive', env=who)
    git(directory, 'tag', f'mesa-{version}', env=who)
    patches = mbox()
    if patches:
        git(directory, 'am', '-q', '--committer-date-is-author-date', stdin=patches, env=who)
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


def tree_key(names):
    digest = hashlib.sha256(f'{FORMAT} {wrap()["source_hash"]}\n'.encode())
    for name in names:
        if name != '@sources':
            data = (HERE / name).read_bytes()
            digest.update(f'{name} {len(data)}\n'.encode() + data)
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


def prepare(args):
    SUBPROJECTS.mkdir(exist_ok=True)
    with locked():
        names = series()
        target = target_dir()
        key = tree_key(names)
        stamp = target / STAMP
        if not stamp.is_file() or stamp.read_text() != key:
            for left in SUBPROJECTS.glob('.mesa-tree-*'):
                remove_tree(left)
            tree = Path(tempfile.mkdtemp(prefix='.mesa-tree-', dir=SUBPROJECTS))
            try:
                tree.chmod(0o755)
                extract(find_tarball(args.tarball), tree)
                for name in names:
                    if name != '@sources':
                        git(tree, 'apply', '--whitespace=nowarn', str(HERE / name))
                if target.exists():
                    stamp.unlink(missing_ok=True)
                    changed = copy_changed(tree, target)
                    print(f'{target.name}: {changed} files brought up to date', file=sys.stderr)
                    stamp.write_text(key)
                else:
                    (tree / STAMP).write_text(key)
                    os.rename(tree, target)
                    print(f'{target.name}: unpacked, {len(names) - 1} patches applied', file=sys.stderr)
            finally:
                remove_tree(tree)
        linked = mount(target)

    # Meson reads this: a change to one of these files means to configure
    # again. Linked sources need no such detour.
    inputs = [HERE / 'series'] + [HERE / n for n in names if n != '@sources']
    if not linked:
        inputs += source_files().values()
    for path in inputs:
        print(path.relative_to(ROOT).as_posix())


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


def check(args):
    target = target_dir()
    if not (target / STAMP).is_file():
        raise Failure(f'{target} is not there yet: run series.py prepare')
    with tempfile.TemporaryDirectory(prefix='mesa-series-', ignore_cleanup_errors=True) as temp:
        fork(Path(temp) / 'mesa', find_tarball(args.tarball))
        differences = list(compare(Path(temp) / 'mesa', target))
    for line in differences[:50]:
        print(line)
    if differences:
        raise Failure(f'{len(differences)} files differ between git am of the series and {target.name}')
    print(f'git am of the series on the pristine archive gives {target.name}, file by file')


# --- taking changes back --------------------------------------------------

def refresh(args):
    directory = Path(args.directory).resolve()
    base = 'mesa-' + wrap()['directory'].split('-')[-1]
    if git(directory, 'status', '--porcelain', '--untracked-files=no').strip():
        raise Failure(f'{directory} has changes that are not committed')
    subject = sources_message()[1]
    order, messages = [], []
    commits = git(directory, 'rev-list', '--reverse', f'{base}..HEAD').decode().split()
    for commit in commits:
        if len(git(directory, 'rev-list', '--parents', '-n', '1', commit).split()) != 2:
            raise Failure(f'{commit[:12]} is a merge; the series is a line')
        paths = git(directory, 'diff-tree', '-r', '-z', '--no-commit-id', '--name-only',
                    '--no-renames', commit).decode().split('\0')[:-1]
        inside = [p for p in paths if mounted(p)]
        if inside and len(inside) != len(paths):
            raise Failure(f'{commit[:12]} changes {MOUNT} and other files; split it')
        if inside:
            # Later changes of the sources are folded into the one patch.
            messages.append(commit)
            if '@sources' not in order:
                order.append('@sources')
        else:
            order.append(commit)
    if '@sources' not in order:
        raise Failure(f'no commit of {directory} adds {MOUNT}')

    source_commit = next((c for c in messages if git(
        directory, 'log', '-1', '--format=%s', c).decode().strip() == subject), messages[0])

    with tempfile.TemporaryDirectory() as temp:
        written = []
        for number, commit in enumerate(order, 1):
            if commit == '@sources':
                written.append('@sources')
                continue
            out = git(directory, 'format-patch', '-1', '-N', '--no-signature', '--zero-commit',
                      '--full-index', '--binary', '--stat=79',
                      f'--start-number={number}', '-o', temp, commit)
            written.append(Path(out.decode().strip()).name)
        for name in written:
            if name != '@sources':
                new = (Path(temp) / name).read_bytes()
                if not (HERE / name).is_file() or (HERE / name).read_bytes() != new:
                    (HERE / name).write_bytes(new)
                    print('wrote', name)
        for path in HERE.glob('*.patch'):
            if path.name not in written:
                path.unlink()
                print('removed', path.name)

    comments = [l for l in (HERE / 'series').read_text(encoding='utf-8').splitlines()
                if l.startswith('#')] if (HERE / 'series').exists() else []
    write_if_changed(HERE / 'series', '\n'.join(comments + written) + '\n')
    log = git(directory, 'log', '-1', '--format=From: %an <%ae>%nDate: %aD%n%B', source_commit)
    write_if_changed(HERE / 'sources.msg', log.decode().rstrip() + '\n')

    tip = {}
    listing = git(directory, 'ls-tree', '-r', '-z', '--name-only', 'HEAD', str(MOUNT)).decode()
    for path in listing.split('\0')[:-1]:
        tip[PurePosixPath(path).relative_to(MOUNT)] = path
    for rel, path in source_files().items():
        if rel not in tip:
            path.unlink()
            print('removed', path.relative_to(ROOT))
    for rel, path in tip.items():
        data = git(directory, 'cat-file', 'blob', f'HEAD:{path}')
        file = SOURCES.joinpath(*rel.parts)
        if not file.exists() or file.read_bytes() != data:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            print('wrote', file.relative_to(ROOT))


def write_if_changed(path, text):
    if not path.exists() or path.read_text(encoding='utf-8') != text:
        with open(path, 'w', encoding='utf-8', newline='\n') as f:
            f.write(text)
        print('wrote', path.name)


# --- command line ---------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tarball', help='the Mesa release archive (default: '
                        'subprojects/packagecache, else the URL in subprojects/mesa.wrap)')
    commands = parser.add_subparsers(dest='command', required=True)
    commands.add_parser('prepare', help='make subprojects/mesa-*')
    p = commands.add_parser('fork', help='write a git tree: Mesa, then the series')
    p.add_argument('directory')
    p = commands.add_parser('mbox', help='write the series as one file for git am')
    p.add_argument('--cover-letter', action='store_true',
                   help='begin with the cover letter; then it is "git am --empty=drop"')
    p.add_argument('file', help='"-" for standard output')
    commands.add_parser('check', help='compare git am of the series with subprojects/mesa-*')
    p = commands.add_parser('refresh', help='write the series back from a tree made by fork')
    p.add_argument('directory')
    args = parser.parse_args()

    try:
        if args.command == 'prepare':
            prepare(args)
        elif args.command == 'fork':
            base = fork(args.directory, find_tarball(args.tarball))
            print(f'{args.directory}: {base} and the series on branch win32-sync')
        elif args.command == 'mbox':
            data = mbox(args.cover_letter)
            if args.file == '-':
                sys.stdout.buffer.write(data)
            else:
                Path(args.file).write_bytes(data)
        elif args.command == 'check':
            check(args)
        elif args.command == 'refresh':
            refresh(args)
    except Failure as e:
        print(f'series.py: {e}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
