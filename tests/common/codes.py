#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: codes.py VK_XML HEADER TABLES

What each Vulkan command that returns a VkResult lists as its codes: HEADER has
macros in place of the commands, TABLES is for tests/common/vkt_codes.c.
"""

import sys
import xml.etree.ElementTree as ElementTree


def of_vulkan(element, attribute):
    return 'vulkan' in element.get(attribute, 'vulkan').split(',')


def on_windows(registry):
    """Names of the commands that the headers have on Windows."""
    names = set()
    for part in [*registry.iter('feature'), *registry.iter('extension')]:
        attribute = 'api' if part.tag == 'feature' else 'supported'
        if of_vulkan(part, attribute) and part.get('platform', 'win32') == 'win32':
            names.update(command.get('name') for command in part.iter('command'))
    return names


def commands(registry):
    """{name: (parameters, codes)}, aliases among them."""
    found, aliases = {}, {}
    for command in registry.find('commands'):
        if not of_vulkan(command, 'api'):
            continue
        if command.get('alias'):
            aliases[command.get('name')] = command.get('alias')
        elif command.findtext('proto/type') == 'VkResult':
            codes = ','.join(filter(None, [command.get('successcodes'), command.get('errorcodes')]))
            found[command.findtext('proto/name')] = (
                [p for p in command.findall('param') if of_vulkan(p, 'api')], codes.split(','))
    found.update((name, found[of]) for name, of in aliases.items() if of in found)
    there = on_windows(registry)
    return {name: found[name] for name in sorted(found) if name in there}


def header(found):
    for name in found:
        yield f'#define {name}(...) VKT_LISTED({name}, __VA_ARGS__)'


def tables(found):
    """A function for each command, for those who call it by a pointer; and the lists."""
    for name, (params, _) in found.items():
        text = ', '.join(''.join(p.itertext()) for p in params)
        call = ', '.join(p.findtext('name') for p in params)
        yield f'static PFN_{name} real_{name};'
        yield f'static VKAPI_ATTR VkResult VKAPI_CALL\nlisted_{name}({text})'
        yield f'{{\n   return vkt_listed("{name}", real_{name}({call}), "a pointer", 0);\n}}'
    yield 'static const struct command commands[] = {'
    for name, (_, codes) in found.items():
        yield f'   {{"{name}", (PFN_vkVoidFunction)listed_{name}, (PFN_vkVoidFunction *)&real_{name},'
        yield f'    {{{", ".join(codes)}, VK_RESULT_MAX_ENUM}}}},'
    yield '};'
    yield 'static const struct { VkResult code; const char *name; } names[] = {'
    listed = {code for _, codes in found.values() for code in codes}
    for code in sorted(listed | {'VK_ERROR_UNKNOWN', 'VK_ERROR_VALIDATION_FAILED_EXT'}):
        yield f'   {{{code}, "{code}"}},'
    yield '};'


def main():
    registry = ElementTree.parse(sys.argv[1]).getroot()
    found = commands(registry)
    for path, lines in [(sys.argv[2], header(found)), (sys.argv[3], tables(found))]:
        with open(path, 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
