#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: codes.py VK_XML HEADER TABLES

What each Vulkan command that returns a VkResult lists as its codes: HEADER has
macros in place of the commands, TABLES is for tests/common/vkt_codes.c. Mesa's
own generator says which commands there are.
"""

from pathlib import Path
import sys
import xml.etree.ElementTree as ElementTree

sys.path.append(str(Path(sys.argv[1]).parent.parent / 'util'))
from vk_entrypoints import get_entrypoints_from_xml


def commands(path):
    """(name, entry point, codes) of those that the headers have on Windows"""
    codes = {}
    for command in ElementTree.parse(path).iterfind('commands/command'):
        if 'vulkan' in command.get('api', 'vulkan').split(','):
            listed = [command.get('successcodes'), command.get('errorcodes')]
            codes[command.findtext('proto/name')] = ','.join(filter(None, listed)).split(',')
    for entry in get_entrypoints_from_xml([path], False):
        if entry.return_type == 'VkResult' and entry.guard in (None, 'VK_USE_PLATFORM_WIN32_KHR'):
            yield f'vk{entry.name}', entry, codes[f'vk{(entry.alias or entry).name}']


def header(found):
    for name, _, _ in found:
        yield f'#define {name}(...) VKT_LISTED({name}, __VA_ARGS__)'


def tables(found):
    """A function for each command, for those who call it by a pointer; and the lists."""
    for name, entry, _ in found:
        yield f'static PFN_{name} real_{name};'
        yield f'static VKAPI_ATTR VkResult VKAPI_CALL\nlisted_{name}({entry.decl_params()})'
        yield f'{{\n   return vkt_listed("{name}", real_{name}({entry.call_params()}), "a pointer", 0);\n}}'
    yield 'static const struct command commands[] = {'
    for name, _, codes in found:
        yield f'   {{"{name}", (PFN_vkVoidFunction)listed_{name}, (PFN_vkVoidFunction *)&real_{name},'
        yield f'    {{{", ".join(codes)}, VK_RESULT_MAX_ENUM}}}},'
    yield '};'
    yield 'static const struct { VkResult code; const char *name; } names[] = {'
    listed = {code for _, _, codes in found for code in codes}
    for code in sorted(listed | {'VK_ERROR_UNKNOWN', 'VK_ERROR_VALIDATION_FAILED_EXT'}):
        yield f'   {{{code}, "{code}"}},'
    yield '};'


def main():
    found = sorted(commands(sys.argv[1]))
    for path, lines in [(sys.argv[2], header(found)), (sys.argv[3], tables(found))]:
        with open(path, 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
