#!/bin/sh
# setup.sh DIR [NAME...] makes DIR/NAME, a Python environment with the packages of
# NAME/requirements.txt, for each folder here or for those named, one after the other. It
# does nothing where that is done already, and goes on when one fails; all of them take
# about 8 GB. PYTHON3 names another interpreter than python3.
set -u

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
[ $# -ge 1 ] || { echo "usage: setup.sh DIR [NAME...]" >&2; exit 2; }
dir=$1
shift
[ $# -gt 0 ] || set -- $(cd "$here" && for f in */requirements.txt; do dirname "$f"; done)
base=${PYTHON3:-python3}

make() {
	requirements=$here/$1/requirements.txt
	venv=$dir/$1
	python=$venv/bin/python
	# Written last: a copy of what was installed. Without it the environment is half made.
	stamp=$venv/requirements.installed
	[ -f "$requirements" ] || { echo "there is no $requirements" >&2; return 1; }
	if cmp -s "$requirements" "$stamp" && "$python" -c '' 2>/dev/null; then
		return 0
	fi
	command -v "$base" >/dev/null 2>&1 || { echo "$base is not found (PYTHON3 names another interpreter)" >&2; return 1; }
	rm -f "$stamp"
	if ! "$python" -m pip --version >/dev/null 2>&1; then
		"$base" -m venv --clear "$venv" >&2 || return 1
	fi
	echo "installing $1/requirements.txt"
	"$python" -m pip install --quiet --disable-pip-version-check --no-input --prefer-binary \
		--no-deps --requirement "$requirements" >&2 || return 1
	problems=$("$python" -m pip check --disable-pip-version-check) || { echo "$problems" >&2; return 1; }
	cp "$requirements" "$stamp"
}

failed=0
for name in "$@"; do
	make "$name" || { echo "setup.sh: the environment $name could not be made" >&2; failed=1; }
done
exit $failed
