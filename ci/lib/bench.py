#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Report what tests/bench measured: a table, and on demand JSON and a plot.

Rows come as one JSON object a line. The exit status is 0 if all are ok.
"""

import argparse
import html
import json
import math
import re
import sys

KEYS = ['row', 'ours', 'comparator', 'unit', 'ratio', 'limit', 'ok']


def number(value):
    if value is None:
        return '-'
    if isinstance(value, float) and 0 < abs(value) < 1000:
        return f'{value:.3g}'
    return f'{value:,.0f}'


def ratio(value):
    return '-' if value is None else f'{value:.3g}x' if value >= 0.001 else '<0.001x'


def cells(row):
    return [row['row'], number(row['ours']), number(row['comparator']), row['unit'],
            ratio(row['ratio']), row['limit'], 'ok' if row['ok'] else 'NO']


def print_table(rows):
    lines = [KEYS] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(KEYS))]
    for line in lines:
        print('  '.join(cell.rjust(width) if 0 < i < 5 and i != 3 else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())


# --- the plot -------------------------------------------------------------

LEFT, RIGHT, WIDTH, BAR, GAP, TOP = 250, 250, 500, 16, 10, 60


def gain(row, value):
    """How many times as good as the comparator: higher is better."""
    higher = row['unit'].endswith('/s')
    return value if higher else 1 / value


def limit_of(row):
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
    parser.add_argument('results')
    parser.add_argument('--json')
    parser.add_argument('--plot')
    args = parser.parse_args()

    with open(args.results, encoding='utf-8') as f:
        rows = [json.loads(line) for line in f if line.strip()]
    assert all(list(row) == KEYS for row in rows)

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
