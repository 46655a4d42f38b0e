#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: check-gitlab.py [ROOT]

TAP: .gitlab-ci.yml and what it includes makes sense: its keywords, stages, and
what extends, needs, dependencies and !reference name; and the scripts it calls
are there. That it is YAML is said by ci/check-lint. No substitute for GitLab's own check, which wants a server.
"""

from pathlib import Path
import re
import sys

import yaml

from lib import tap

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
FILE = ROOT / '.gitlab-ci.yml'

GLOBAL = {'stages', 'variables', 'default', 'include', 'workflow'}
JOB = {'after_script', 'allow_failure', 'artifacts', 'before_script', 'cache', 'dependencies',
       'extends', 'image', 'inherit', 'interruptible', 'needs', 'parallel', 'retry', 'rules',
       'script', 'stage', 'tags', 'timeout', 'variables', 'when'}
ARTIFACTS = {'expire_in', 'name', 'paths', 'reports', 'untracked', 'when', 'exclude', 'expose_as'}
CACHE = {'key', 'paths', 'when', 'policy', 'untracked'}
RULE = {'if', 'changes', 'exists', 'when', 'allow_failure', 'variables'}
WHEN = {'always', 'never', 'manual', 'on_success', 'on_failure', 'delayed'}
# What GitLab or its users set.
GIVEN = re.compile(r'(CI_|GITLAB_|FDO_CI_)\w+$|LVP_WIN32_DEQP_URL$|CARGO_HOME$|PATH$')
DURATION = re.compile(r'(\d+ ?(m|h|min|hours?|minutes?|days?|weeks?) ?)+$')


class Reference(list):
    pass


class Loader(yaml.SafeLoader):
    pass


Loader.add_constructor('!reference', lambda loader, node: Reference(loader.construct_sequence(node)))


def load(path):
    with open(path, encoding='utf-8') as f:
        own = yaml.load(f, Loader)
    content = {}
    for other in as_list(own.get('include')):
        merge(content, load(ROOT / other['local']))
    merge(content, own)
    return content


def as_list(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def resolve(jobs, name, above=()):
    """A job with what it extends. Lists are not merged, mappings are."""
    if name in above:
        raise ValueError(f'{name} extends itself')
    merged = {}
    for base in as_list(jobs[name].get('extends')):
        if base in jobs:
            merge(merged, resolve(jobs, base, above + (name,)))
    merge(merged, jobs[name])
    return merged


def merge(into, what):
    for key, value in what.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, dict) else value


def references(value):
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, (list, dict)):
        for v in value.values() if isinstance(value, dict) else value:
            yield from references(v)


def scripts(job):
    for key in ('before_script', 'script', 'after_script'):
        for line in as_list(job.get(key)):
            if isinstance(line, str):
                yield line


def check_rules(job):
    for rule in as_list(job.get('rules')):
        if isinstance(rule, Reference):
            continue
        if not isinstance(rule, dict):
            yield f'a rule is no mapping: {rule}'
            continue
        for key in rule.keys() - RULE:
            yield f'a rule has the unknown key {key}'
        if rule.get('when', 'always') not in WHEN:
            yield f'a rule has the unknown "when: {rule["when"]}"'


def check_job(name, own, job, jobs, stages, variables):
    for key in own.keys() - JOB:
        yield f'unknown keyword {key}'
    for base in as_list(own.get('extends')):
        if base not in jobs:
            yield f'extends {base}, which is not there'
    for reference in references(own):
        if len(reference) < 2 or reference[0] not in jobs or reference[1] not in jobs[reference[0]]:
            yield f'!reference {list(reference)} leads nowhere'
    for key, known in (('artifacts', ARTIFACTS), ('cache', CACHE)):
        if not isinstance(own.get(key, {}), dict):
            yield f'{key} is no mapping'
        else:
            for k in own.get(key, {}).keys() - known:
                yield f'{key} has the unknown key {k}'
            for path in as_list(own.get(key, {}).get('paths')):
                if not isinstance(path, str) or path.startswith('/'):
                    yield f'{key}:paths is to have names below the checkout, not {path}'
    yield from check_rules(own)
    if 'timeout' in own and not DURATION.match(str(own['timeout'])):
        yield f'timeout: {own["timeout"]} is no duration'
    if name.startswith('.'):
        return

    needs = [n['job'] if isinstance(n, dict) else n for n in as_list(job.get('needs'))]
    for n in needs + as_list(job.get('dependencies')):
        if n not in jobs or n.startswith('.'):
            yield f'needs {n}, which is not there'
        elif stages.index(resolve(jobs, n)['stage']) > stages.index(job['stage']):
            yield f'needs {n} of a later stage'
    for n in as_list(job.get('dependencies')):
        if n not in needs:
            yield f'depends on {n}, which it does not need'
    if not as_list(job.get('script')):
        yield 'has no script'
    if job.get('stage') not in stages:
        yield f'stage {job.get("stage")} is not one of {stages}'
    if not (job.get('image') or job.get('tags')):
        yield 'has neither image nor tags: which runner takes it?'
    if not job.get('rules'):
        yield 'has no rules'
    if not job.get('timeout'):
        yield 'has no timeout'

    known = variables | set(job.get('variables', {}))
    texts = [job.get('image', '')] + [str(v) for v in job.get('variables', {}).values()]
    for text in texts + list(scripts(job)):
        for variable in re.findall(r'\$(?:env:|\{)?([A-Z][A-Z0-9_]+)', text):
            if variable not in known and not GIVEN.match(variable):
                yield f'${variable} is set nowhere'
    called = 0
    for line in scripts(job):
        for path in re.findall(r'(?<![\w/])(?:\.[\\/])?(ci[\\/][\w.\\/-]+)', line):
            called += 1
            if not (ROOT / path.replace('\\', '/')).is_file():
                yield f'calls {path}, which is not there'
    if not called:
        yield 'calls no script of this repository'


def main():
    try:
        content = load(FILE)
    except (AttributeError, KeyError, OSError, TypeError, yaml.YAMLError) as e:
        return tap.report([('.gitlab-ci.yml is YAML', [e])])
    jobs = {k: v for k, v in content.items() if k not in GLOBAL}
    stages = content.get('stages', [])
    variables = set(content.get('variables', {}))
    results = [('.gitlab-ci.yml is YAML', [])]
    for name, own in jobs.items():
        try:
            bad = list(check_job(name, own, resolve(jobs, name), jobs, stages, variables))
        except (AttributeError, KeyError, TypeError, ValueError) as e:
            bad = [f'{type(e).__name__}: {e}']
        results.append((name, bad))
    return tap.report(results)


if __name__ == '__main__':
    sys.exit(main())
