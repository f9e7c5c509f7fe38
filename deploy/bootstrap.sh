#!/bin/sh
# Creates .venv from requirements.lock and installs the project's own SDK into it.
# Needs python3 (3.11 or later) and nothing else. Does nothing when all of it is already so.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

venv=$root/.venv
stamp=$venv/.installed
lock=$root/requirements.lock
sdk=$root/sdk/python
pins=

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# What the environment was made from. The folder is part of it: scripts in a venv name their own path.
fingerprint() {
    printf '%s\n' "$root"
    for source in "$lock" "$sdk/pyproject.toml"; do
        if [ -f "$source" ]; then cksum <"$source"; else echo none; fi
    done
}

is_current() {
    [ -f "$stamp" ] && [ -x "$venv/bin/python" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ]
}

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    found=$(python3 --version 2>&1) || found="no python3 at all"
    die "Python 3.11 or later is needed, found $found. Install one, for example: apt-get install python3 python3-venv"
}

# An interrupted run leaves no stamp: that environment is thrown away instead of guessed at.
create_venv() {
    if [ -f "$stamp" ] && "$venv/bin/python" -c '' 2>/dev/null; then return; fi
    rm -rf "$venv"
    say "creating .venv with $("$python" --version)"
    if "$python" -m venv "$venv" >/dev/null 2>&1; then return; fi
    rm -rf "$venv"
    # Debian splits ensurepip off into python3-venv; a pip outside the environment will do.
    if "$python" -m pip --version >/dev/null 2>&1 && "$python" -m venv --without-pip "$venv" >/dev/null 2>&1; then return; fi
    rm -rf "$venv"
    die "$python can neither create an environment with pip nor has a pip of its own. Install it: apt-get install python3-venv"
}

pip_install() {
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip install --quiet "$@"
    else
        "$python" -m pip --python "$venv/bin/python" install --quiet "$@"
    fi
}

# uv itself comes from the lock too, with its hashes.
install_uv() {
    if [ -x "$venv/bin/uv" ]; then return; fi
    say "installing uv"
    pins=$(mktemp)
    awk '/^[^ ]/ { inside = /^uv==/ } inside' "$lock" >"$pins"
    pip_install --require-hashes -r "$pins"
}

uv_pip() {
    verb=$1
    shift
    "$venv/bin/uv" pip "$verb" --python "$venv/bin/python" "$@"
}

install_with_uv() {
    install_uv && say "installing $(grep -c '^[a-z].*==' "$lock") packages from requirements.lock" &&
        uv_pip sync --quiet --require-hashes "$lock" && install_sdk uv_pip install --quiet
}

install_with_pip() {
    say "uv did not work here; installing from requirements.lock with pip (about a minute)"
    pip_install --require-hashes -r "$lock" && install_sdk pip_install
}

# Not in the lock (a path has no hash), and a sync removes it: so it follows every sync.
install_sdk() {
    if [ ! -f "$sdk/pyproject.toml" ]; then return 0; fi
    say "installing the SDK from sdk/python"
    "$@" --no-deps --no-build-isolation -e "$sdk"
}

if is_current; then exit 0; fi

# Two makes in one folder must not build the same environment at once.
if command -v flock >/dev/null 2>&1; then
    exec 9>"$root/.venv.lock"
    flock 9
    if is_current; then exit 0; fi
fi

unset PYTHONHOME PYTHONPATH VIRTUAL_ENV 2>/dev/null || true
# The certificates of the system: a company's own proxy is known there, not in the ones uv carries.
export PIP_DISABLE_PIP_VERSION_CHECK=1 UV_PYTHON_DOWNLOADS=never "UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1}" "UV_LINK_MODE=${UV_LINK_MODE:-copy}"
# Where Python may write no bytecode as it goes, it would compile every library again at every start.
if [ -n "${PYTHONDONTWRITEBYTECODE:-}" ]; then export UV_COMPILE_BYTECODE=1; fi
if [ ! -w "${HOME:-/nonexistent}" ]; then export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1; fi
trap 'rm -f "${pins:-}"' EXIT

python=$(find_python)
create_venv
rm -f "$stamp"
install_with_uv || install_with_pip || die "the installation failed; the lines above say why. Run it again after repairing the cause."
fingerprint >"$stamp"
say "ready: .venv, $("$venv/bin/python" --version)"
