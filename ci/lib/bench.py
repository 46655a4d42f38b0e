#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Report what tests/bench measured: a table, and on demand JSON and a plot.

A folder has three files for each case: CASE.out, TAP with one JSON object a
line for a row; CASE.err; and CASE.status, the exit status. A case that did not
run to its end is a row that says why. The exit status is 0 if all rows are ok.
"""

import argparse
import html
import json
import math
import re
import signal
import sys
from pathlib import Path

KEYS = ['row', 'ours', 'comparator', 'unit', 'ratio', 'low', 'high', 'limit', 'ok']
HEADER = ['row', 'ours', 'comparator', 'unit', 'ratio', 'half within', 'limit', 'ok']
LAST_LINES = 6


# --- the rows -------------------------------------------------------------

def read(path):
    return path.read_text(encoding='utf-8', errors='replace').replace('\r', '')


def parse(line):
    """A row, or None: a program that is ended may leave half a line."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and list(row) == KEYS else None


def meaning(status):
    if status == 124:
        return 'exit status 124: it took too long'
    if status > 128 and status - 128 in set(signal.Signals):
        # Only the low 8 bits of what Windows has are left.
        return f'exit status {status}, or {signal.Signals(status - 128).name}'
    return f'exit status {status}'


def rows_of(folder, case):
    lines = read(folder / f'{case}.out').splitlines()
    status = int(read(folder / f'{case}.status'))
    parsed = [parse(line) for line in lines]
    rows = [row for row in parsed if row]
    for row in rows:
        row['row'] = f'{case}/{row["row"]}' if row['row'] else case
    whole = all(row for line, row in zip(lines, parsed) if line.startswith('{'))
    if status == 0 and rows and whole and f'ok 1 - {case}' in lines:
        return rows

    last = [row['row'] for row in rows][-1:]
    why = [meaning(status) + (f' after the row {last[0]}' if last else ', without a row')]
    why += read(folder / f'{case}.err').splitlines()[-LAST_LINES:]
    why += [line for line, row in zip(lines, parsed) if not row][-LAST_LINES:]
    failed = dict.fromkeys(KEYS)
    failed.update(row=case, unit='', limit='runs to its end', ok=False, why=why)
    return rows + [failed]


# --- the table ------------------------------------------------------------


def number(value):
    if value is None:
        return '-'
    if isinstance(value, float) and 0 < abs(value) < 1000:
        return f'{value:.3g}'
    return f'{value:,.0f}'


def ratio(value):
    return '-' if value is None else f'{value:.3g}x' if value >= 0.001 else '<0.001x'


def cells(row):
    noise = '' if row['low'] is None else f'{row["low"]:.3g}..{row["high"]:.3g}'
    return [row['row'], number(row['ours']), number(row['comparator']), row['unit'],
            ratio(row['ratio']), noise, row['limit'], 'ok' if row['ok'] else 'NO']


def print_table(rows):
    lines = [HEADER] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    for line, row in zip(lines, [{}] + rows):
        print('  '.join(cell.rjust(width) if i in (1, 2, 4) else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
        for reason in row.get('why', []):
            print(f'    | {reason}')


# --- the plot -------------------------------------------------------------

LEFT, RIGHT, WIDTH, BAR, GAP, TOP = 250, 250, 500, 16, 10, 60


def gain(row, value):
    """How many times as good as the comparator: higher is better."""
    higher = row['unit'].endswith('/s')
    return value if higher else 1 / value


def limit_of(row):
    if row['limit'] in ('no slower', 'no less'):
        return 1.0
    match = re.fullmatch(r'ratio [<>]= ([0-9.e+-]+)', row['limit'])
    return float(match[1]) if match else None


def svg(rows):
    rows = [row for row in rows if row['ratio']]
    gains = [gain(row, row['ratio']) for row in rows]
    gains += [gain(row, limit_of(row)) for row in rows if limit_of(row)]
    low = math.floor(math.log10(min(gains + [0.5])))
    high = math.ceil(math.log10(max(gains + [2.0])))

    def x(value):
        return LEFT + WIDTH * (math.log10(value) - low) / (high - low)

    height = TOP + len(rows) * (BAR + GAP) + 40
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">vk_sync_win32: times as good as the comparator'
        ' (to the right is better)</text>',
        f'<text x="{LEFT}" y="38" fill="#666">| what must be reached</text>',
    ]
    bottom = TOP + len(rows) * (BAR + GAP)
    for power in range(low, high + 1):
        at = x(10.0 ** power)
        out.append(f'<line x1="{at:.1f}" y1="{TOP - 8}" x2="{at:.1f}" y2="{bottom}" stroke="#ddd"/>')
        out.append(f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle" fill="#666">{10.0 ** power:g}</text>')
    out.append(f'<line x1="{x(1):.1f}" y1="{TOP - 8}" x2="{x(1):.1f}" y2="{bottom}" stroke="#666"/>')
    for i, row in enumerate(rows):
        y = TOP + i * (BAR + GAP)
        end = x(gain(row, row['ratio']))
        color = '#4a8f4a' if row['ok'] else '#c0392b'
        if limit_of(row) is None and row['ok']:
            color = '#7f8c9b'
        label = f'{number(row["ours"])} : {number(row["comparator"])} {row["unit"]}'
        out += [
            f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{html.escape(row["row"])}</text>',
            f'<rect x="{min(x(1), end):.1f}" y="{y}" width="{max(abs(end - x(1)), 1):.1f}" height="{BAR}"'
            f' fill="{color}"/>',
            f'<text x="{LEFT + WIDTH + 8}" y="{y + 12}" fill="#444">{html.escape(label)}</text>',
        ]
        if limit_of(row):
            at = x(gain(row, limit_of(row)))
            out.append(f'<line x1="{at:.1f}" y1="{y - 3}" x2="{at:.1f}" y2="{y + BAR + 3}" stroke="black"'
                       ' stroke-width="2"/>')
    out.append('</svg>')
    return '\n'.join(out) + '\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    parser.add_argument('cases', nargs='+', metavar='case')
    parser.add_argument('--json')
    parser.add_argument('--plot')
    args = parser.parse_args()

    rows = [row for case in args.cases for row in rows_of(args.folder, case)]

    print_table(rows)
    if args.json:
        with open(args.json, 'w', encoding='utf-8') as f:
            json.dump(rows, f, indent=2)
            f.write('\n')
    if args.plot:
        with open(args.plot, 'w', encoding='utf-8') as f:
            f.write(svg(rows))

    missed = [row['row'] for row in rows if not row['ok']]
    print(f'\n{len(rows) - len(missed)} ok, {len(missed)} not' + (': ' + ', '.join(missed) if missed else ''))
    return 0 if rows and not missed else 1


if __name__ == '__main__':
    sys.exit(main())
