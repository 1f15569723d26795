#!/bin/sh
# Makes .venv in the repository's root: a Python with the packages of requirements.txt,
# for the tests that compare with TensorBoard and Python's safetensors. It does nothing
# when that is done already. PYTHON3 names another interpreter than python3.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
venv=$root/.venv
python=$venv/bin/python
requirements=$here/requirements.txt
# Written last: a copy of what was installed. Without it the environment is half made.
stamp=$venv/requirements.installed

fail() {
	echo "tools/python/setup.sh: $*" >&2
	exit 1
}

if cmp -s "$requirements" "$stamp" && "$python" -c '' 2>/dev/null; then
	exit 0
fi

base=${PYTHON3:-python3}
command -v "$base" >/dev/null 2>&1 ||
	fail "$base is not found: the tests with TensorBoard need Python 3.9 or newer (PYTHON3 names another interpreter)"
"$base" -c 'import sys; sys.exit(sys.version_info < (3, 9))' ||
	fail "$base is $("$base" --version 2>&1), want Python 3.9 or newer (PYTHON3 names another interpreter)"
"$base" -c 'import ensurepip, venv' 2>/dev/null ||
	fail "$base has no venv module: install it (on Debian and Ubuntu: apt-get install python3-venv)"

rm -f "$stamp"
# An environment whose interpreter or pip does not run, a half-made one or one of a
# Python that is gone, is made anew.
if ! "$python" -m pip --version >/dev/null 2>&1; then
	echo "making $venv"
	"$base" -m venv --clear "$venv" >&2 || fail "making $venv failed"
fi
echo "installing requirements.txt"
"$python" -m pip install --quiet --disable-pip-version-check --no-input --prefer-binary \
	--no-deps --requirement "$requirements" >&2 ||
	fail "installing requirements.txt failed: see above (pip needs its package index, or a configured mirror)"
problems=$("$python" -m pip check --disable-pip-version-check) ||
	fail "requirements.txt is not complete: $problems"
cp "$requirements" "$stamp"
