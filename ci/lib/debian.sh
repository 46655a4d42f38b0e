# SPDX-License-Identifier: MIT
# This machine's Debian, and where it gets it from. Sourced after common.sh.

# Not sourced here: it sets VERSION, NAME and others.
os_release() { (. /etc/os-release && echo "${!1:-}"); }
RELEASE=$(os_release VERSION_CODENAME)

# debian_index FIELD [SUITE]: of the first of apt's entries for the suite. apt
# knows no code names before its first update.
debian_index()
{
   apt-get indextargets --format "\$(CODENAME)|\$($1)" 'Created-By: Packages' 2>/dev/null |
      awk -F'|' -v suite="${2:-$RELEASE}" '$1 == suite { print $2; exit }'
}

# The line "Signed-By" of apt's entry for the release, or the block of lines.
# Another entry for the same place without it would be a conflict to apt.
debian_key()
{
   local file; file=$(debian_index SOURCESENTRY)
   file=${file%:*}
   case $file in
      *.sources) awk '/^[^ ]/ { if (on) exit; on = /^Signed-By:/ } on' "$file" ;;
      *) sed -n 's/^deb .*\[.*signed-by=\([^] ]*\).*/Signed-By: \1/p' "$file" | head -n 1 ;;
   esac
}

apt_log() { logged "$CACHE/log/$1.log" as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "${@:2}"; }

# installed PACKAGE [VERSION]: it is there, and not older.
installed()
{
   local status version
   read -r status version < <(dpkg-query -W -f '${db:Status-Abbrev} ${Version}\n' "$1" 2>/dev/null) || true
   [ "${status:-}" = ii ] && dpkg --compare-versions "$version" ge "${2:-0}"
}
