# SPDX-License-Identifier: MIT
# The Wine environment of the build. Sourced after common.sh.

DIST=$BUILD/dist
# The driver in DIST, to the programs in PREFIX.
PREFIX=$BUILD/wine

wine_env()
{
   WINE_ENV=(
      "WINEPREFIX=$PREFIX"
      "WINEARCH=win64"
      "WINEDEBUG=-all"
      # Wine's own vulkan-1 knows only drivers of the host, like winevulkan,
      # which some programs try before it; and its d3d12 shares no fences:
      # tests bring their own. Mono and Gecko would be offered for installation.
      "WINEDLLOVERRIDES=vulkan-1=n;winevulkan=;d3d12,dxgi=n,b;mscoree,mshtml="
   )
}

use_wine_env()
{
   wine_env
   export "${WINE_ENV[@]}"
   # Wine would open its desktop there.
   unset DISPLAY WAYLAND_DISPLAY
}

# Start the server and Wine's services on their own. Otherwise they belong to
# the first program, hold its output open (and a lock, or ninja's pipe), and a
# reader of that waits for them long after the program is gone. They end 30
# seconds after the last program.
start_wineserver()
{
   local fd
   if ! wineserver -k0 2>/dev/null; then
      (
         for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            if [ "$fd" -gt 2 ] && [ "$fd" -lt 255 ]; then eval "exec $fd>&-"; fi
         done
         exec </dev/null >/dev/null 2>&1
         wineserver -p30 || true
         wine wineboot.exe || true
      )
   fi
}
