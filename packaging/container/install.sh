#!/bin/sh
# Makes a Debian system the one that runs pipetrace: what stage.sh laid out in FROM, and the libraries it needs.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 FROM" >&2; exit 2; }

export DEBIAN_FRONTEND=noninteractive
[ -n "$(find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null | head -n 1)" ] || apt-get update
# shellcheck disable=SC2046
apt-get install -y --no-install-recommends $(cat "$1/runtime-packages")
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
cp -a "$1/root/." /
mkdir -p -m 0700 /var/lib/pipetrace
