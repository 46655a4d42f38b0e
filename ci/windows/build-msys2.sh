#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The part of build-msys2.ps1 that runs in MSYS2's shell.
set -euo pipefail

prefix=mingw-w64-ucrt-x86_64
pacman -S --needed --noconfirm bison flex git patch \
   $prefix-{toolchain,meson,llvm,directx-headers,glslang,vulkan-loader,vulkan-headers} \
   $prefix-python-{mako,yaml,packaging}

rm -rf build
meson setup build "-Ddirectx-headers=$(cygpath -m "$MINGW_PREFIX")/include"
meson compile -C build

# The loader takes the driver from here, unless the process is elevated, as
# those of a service are: then from the registry.
VK_DRIVER_FILES=$(cygpath -m "$PWD/build/dist/lvp_icd.x86_64.json")
export VK_DRIVER_FILES
reg add 'HKLM\SOFTWARE\Khronos\Vulkan\Drivers' //v "$(cygpath -w "$VK_DRIVER_FILES")" //t REG_DWORD //d 0 //f ||
   echo "not elevated: VK_DRIVER_FILES serves"

meson test -C build --no-rebuild --print-errorlogs --suite unit --suite driver --suite memory --suite process
