#!/bin/sh
# Clones the committed state into a temporary folder and runs the README's two
# commands there with empty module and build caches, as a stranger would.
set -eu
root=$(git rev-parse --show-toplevel)
work=$(mktemp -d)
cleanup() {
	chmod -R u+w "$work" # the module cache is read-only
	rm -rf "$work"
}
trap cleanup EXIT
git clone -q "$root" "$work/stheno"
cd "$work/stheno"
export GOMODCACHE="$work/modules" GOCACHE="$work/build" GOFLAGS=
export HOME="$work/home" TMPDIR="$work/tmp"
mkdir -p "$HOME" "$TMPDIR"
go run ./examples/quickstart -dir "$work/model"
go run ./examples/quickstart -dir "$work/model"
make test
