# SPDX-License-Identifier: MIT
# Shared by the scripts in ci/. Sourced, not run.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${LVP_SYNC_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/lavapipe-win32-sync}
JOBS=${LVP_SYNC_JOBS:-$(nproc)}
BUILD=${LVP_SYNC_BUILD:-$ROOT/build}
mkdir -p "$CACHE"

# A python3 earlier on PATH (pyenv, conda) usually has no Mako; Debian's has.
export PATH=/usr/bin:/bin:$PATH
export CCACHE_DIR=$CACHE/ccache
# Another checkout, or a build folder of another name, finds the same objects.
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1
# What ccache does not have is preprocessed once rather than twice, a sixth of
# the work. Not for what is delivered, whose debug information becomes another,
# nor for clang-cl, which does not take what it has preprocessed.
preprocess_once() { export CCACHE_NOCPP2=1; }

# In bold for people, plain for files. What is in a pipe on its way to a
# terminal still has that as stderr.
if [ -t 2 ]; then BOLD=$'\033[1m' PLAIN=$'\033[0m'; else BOLD='' PLAIN=''; fi
step() { printf '\n%s== %s%s  [%s]\n' "$BOLD" "$*" "$PLAIN" "$(elapsed)"; }
info() { printf '   %s\n' "$*"; }
die() { printf '\nFAILED: %s\n' "$*" >&2; exit 1; }

# Since the outermost script began.
export LVP_SYNC_START=${LVP_SYNC_START:-$(date +%s)}
elapsed() { local s=$(($(date +%s) - LVP_SYNC_START)); printf '%dm%02ds' $((s / 60)) $((s % 60)); }

# The last "[n/m]" line of a log, else its last line.
progress()
{
   local last
   last=$(tail -c 20000 "$1" | tr '\r' '\n' | tr -cd '[:print:]\n' | grep '[^ ]' | tail -n 200) || return 0
   { grep -E '^\[[0-9]+/[0-9]+\]' <<<"$last" || echo "$last"; } | tail -n 1 | cut -c1-100
}

# Run a command with its output in a file. Prints a line of progress now and
# then and the file's end on failure.
logged()
{
   local log=$1; shift
   local pid rc=0 tick=0
   mkdir -p "$(dirname "$log")"
   # A process group of its own, to be ended with us: a background job of a
   # script ignores the Ctrl-C that ends the script.
   set -m
   "$@" >"$log" 2>&1 </dev/null &
   pid=$!
   set +m
   trap 'kill -- "-$pid" 2>/dev/null; wait "$pid" || true; exit 130' INT TERM HUP
   while kill -0 "$pid" 2>/dev/null; do
      sleep 1
      tick=$((tick + 1))
      if [ $((tick % 20)) -eq 0 ]; then
         info "[$(elapsed)] $(progress "$log")"
      fi
   done
   wait "$pid" || rc=$?
   trap - INT TERM HUP
   if [ $rc -ne 0 ]; then
      tail -n 40 "$log"
      die "$(basename "$1") (exit status $rc); the whole log is $log"
   fi
}

as_root()
{
   if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# answer COMMAND...: its last line. What it says before goes on to stderr.
answer() { "$@" | tee >(sed -u '$d' >&2) | tail -n 1; }

# digest TEXT...: a short key for a cache entry.
digest() { printf '%s\n' "$@" | sha256sum | cut -c1-16; }

# An include folder with DirectX-Headers, but not with all of /usr/include:
# those are another system's.
directx_headers()
{
   local d
   mkdir -p "$CACHE/directx-headers"
   for d in directx dxguids wsl; do ln -sfn "/usr/include/$d" "$CACHE/directx-headers/$d"; done
   echo "$CACHE/directx-headers"
}

# lock FD FILE: wait for another run, and say so.
lock()
{
   mkdir -p "$(dirname "$2")"
   eval "exec $1>\"\$2\""
   if ! flock -n "$1"; then
      info "waiting for another run, which holds $2" >&2
      flock "$1"
   fi
}

# publish TMP FINAL: the one step that makes a cache entry visible. A rename
# is atomic, so an interrupted run leaves no entry rather than half of one.
publish()
{
   sync -f "$1" 2>/dev/null || true
   rm -rf "$2"
   mv -T "$1" "$2"
}
