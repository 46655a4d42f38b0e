# SPDX-License-Identifier: MIT
# Mesa with and without the series, to be compared. Sourced after common.sh.

wrap() { sed -n "s/^$1 *= *//p" "$ROOT/subprojects/mesa.wrap"; }

MESA_DIR=$(wrap directory)
MESA_HASH=$(wrap source_hash)

# pristine_mesa: the folder of the release, unpacked once.
pristine_mesa()
{
   local tarball final=$BUILD/pristine
   tarball=$ROOT/subprojects/packagecache/$(wrap source_filename)
   lock 5 "$BUILD/pristine.lock"
   if [ "$(cat "$final/hash" 2>/dev/null)" != "$MESA_HASH" ]; then
      echo "$MESA_HASH  $tarball" | sha256sum --status -c ||
         die "$tarball is not there or not the release: run ci/build"
      rm -rf "$final.tmp"
      mkdir -p "$final.tmp"
      tar -C "$final.tmp" -xf "$tarball"
      echo "$MESA_HASH" >"$final.tmp/hash"
      publish "$final.tmp" "$final"
   fi
   exec 5>&-
   echo "$final/$MESA_DIR"
}

# mesa_half FOLDER patched|upstream: a project to be built in FOLDER/build/*,
# with links to the sources, so that nothing is copied and ninja sees changes.
mesa_half()
{
   local source=$ROOT/subprojects/$MESA_DIR
   [ "$2" = patched ] || source=$(pristine_mesa)
   [ -d "$source" ] || die "$source is not there: run ci/build"
   mkdir -p "$1/subprojects"
   ln -sfn "$ROOT/ci/mesa/meson.build" "$1/meson.build"
   ln -sfn "$ROOT/meson_options.txt" "$1/meson_options.txt"
   ln -sfn "$ROOT/subprojects/llvm" "$1/subprojects/llvm"
   ln -sfn "$source" "$1/subprojects/$MESA_DIR"
   # The name by which it is asked for.
   ln -sfn "$ROOT/subprojects/mesa.wrap" "$1/subprojects/mesa.wrap"
}

# configure_half FOLDER NAME KEY OPTION...: Meson, if FOLDER/build/NAME has not
# been made for KEY. The depth is that of the project's own build folder.
configure_half()
{
   local build=$1/build/$2
   if [ "$(cat "$build/lavapipe-win32-sync.key" 2>/dev/null)" != "$3" ]; then
      rm -rf "$build"
      mkdir -p "$1/build"
      logged "$BUILD/log/${1##*/}-setup.log" meson setup "$build" "$1" "${@:4}"
      printf '%s\n' "$3" >"$build/lavapipe-win32-sync.key"
   fi
}

# for_windows [PREFIX]: the array `options` for a build of Mesa as meson.build
# asks for it, with the compiler and LLVM that the driver gets, and `key` for
# what it depends on. PREFIX is "mesa:" where Mesa is a subproject.
for_windows()
{
   local llvm headers
   mapfile -t options < <(sed -n -e "/^  default_options/,/^  \]/ s/^ *'\(.*=.*\)',\$/-D\1/p" \
                                 -e "/^mesa_options = \[/,/^\]/ s/^ *'\(.*=.*\)',\$/-D${1:-}\1/p" "$ROOT/meson.build")
   [ ${#options[@]} -gt 20 ] || die "meson.build does not say what Mesa is built with"
   llvm=$(answer "$ROOT/ci/llvm")
   headers=$(directx_headers)
   options+=(
      --cross-file "$ROOT/ci/mingw-x86_64.ini"
      --force-fallback-for=llvm
      "-Dllvm:dir=$llvm"
   )
   [ -z "${1:-}" ] || options+=("-Ddirectx-headers=$headers")
   key=$(digest "$MESA_HASH" "${options[@]}" "$(meson --version)" \
         "$(cat "$ROOT/ci/mingw-x86_64.ini" "$ROOT/ci/mesa/meson.build" "$ROOT"/subprojects/llvm/meson*)" \
         "$(x86_64-w64-mingw32-gcc-posix --version | head -n 1)")
}

# link_fast BUILD: link with LLVM's linker, until Meson configures again, and
# without symbols. GNU's takes most of a minute for what has LLVM in it, that
# one a second. clang++ adds no winpthreads, and lld does not know two options.
link_fast()
{
   local clang='clang++-19 --target=x86_64-w64-windows-gnu -fuse-ld=lld'
   sed -i -e "s/^ command = x86_64-w64-mingw32-g[c+]*-posix\( .*\$LINK_ARGS\)$/ command = $clang\1 -Wl,-s -lpthread/" \
      -e 's/ -Wl,--allow-shlib-undefined//g; s/ -Wl,-Bsymbolic\( \|$\)/\1/g' "$1/build.ninja"
   grep -qF "command = $clang" "$1/build.ninja" || die "$1/build.ninja has other rules than link_fast expects"
}
