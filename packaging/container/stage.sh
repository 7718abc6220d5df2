#!/bin/bash
# Lays out below OUT what the image gets of a finished build: the installed files, and in runtime-packages the
# Debian packages with the libraries that the program is linked to, as this system has them.
set -euo pipefail
[[ $# -eq 2 ]] || { echo "usage: $0 BUILD OUT" >&2; exit 2; }
readonly build=$1 out=$2

mkdir -p "$out/root"
DESTDIR=$(cd "$out/root" && pwd) cmake --install "$build" --prefix /usr --strip >/dev/null

# "libfmt.so.9 => /lib/x86_64-linux-gnu/libfmt.so.9 (0x...)"; dpkg may know the file by its place below /usr.
ldd "$out/root/usr/bin/pipetrace" | awk '$2 == "=>" { print $1, $3 }' | while read -r name path; do
  owner=$(dpkg-query --search "$(realpath "$path")" 2>/dev/null || dpkg-query --search "*/$name") ||
    { echo "stage: no package has $path" >&2; exit 1; }
  echo "${owner%%:*}"
done | sort -u >"$out/runtime-packages"
[[ -s $out/runtime-packages ]] || { echo "stage: the program is linked to nothing" >&2; exit 1; }
