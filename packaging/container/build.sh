#!/bin/bash
# Builds pipetrace from the clone that this script lies in, and lays out what the image gets below OUT.
set -euo pipefail
[[ $# -eq 1 ]] || { echo "usage: $0 OUT" >&2; exit 2; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/../../bootstrap" build
"$here/stage.sh" "$here/../../build/release" "$1"
