# SPDX-License-Identifier: MIT
# Builds of the sync type and the tests of it alone. Sourced after common.sh.

# build_part NAME TITLE CROSS-FILE OPTION... -- PROGRAM...: build/NAME
build_part()
{
   local name=$1 title=$2 cross=$3 meson=$BUILD/$1 headers key options=()
   shift 3
   while [ "$1" != -- ]; do options+=("$1"); shift; done
   shift

   headers=$(directx_headers)
   lock 6 "$BUILD/$name.lock"
   key=$(digest "$headers" "${options[@]}" "$(meson --version)" "$(cat "$cross")" \
         "$(sed -n '/default_options/,/\]/p' "$ROOT/meson.build")")
   if [ "$(cat "$meson/lavapipe-win32-sync.key" 2>/dev/null)" != "$key" ]; then
      step "Configuring the sync type $title"
      rm -rf "$meson"
      logged "$BUILD/log/$name-setup.log" meson setup "$meson" "$ROOT" -Ddriver=false \
         --cross-file "$cross" "-Ddirectx-headers=$headers" "${options[@]}"
      printf '%s\n' "$key" >"$meson/lavapipe-win32-sync.key"
   fi

   step "Building the sync type and its tests $title"
   logged "$BUILD/log/$name.log" nice ninja -C "$meson" -j "$JOBS" "$@"
   exec 6>&-
}
