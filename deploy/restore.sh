#!/bin/sh
# Puts a backup back in the place of the database:  deploy/restore.sh FOLDER
# With the environment of the gateway, as deploy/backup.sh. Stop every gateway, the worker and beat before. What is
# there now is kept beside it (SQLite), or replaced in one transaction (PostgreSQL). Start the gateway afterwards; with
# DATABASE_URL `manage.py migrate` first, if the backup is of an earlier release. docs/operations.md says what EAs notice.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
data=${EAGATEWAY_DATA_DIR:-$root/data}

say() { printf 'restore: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

[ $# -eq 1 ] || die "name the folder that the backup is in: deploy/restore.sh FOLDER"
folder=$1
umask 077

restore_postgresql() {
    [ -f "$folder/gateway.dump" ] || die "there is no gateway.dump in $folder: it is no backup of a PostgreSQL database"
    command -v pg_restore >/dev/null || die "pg_restore is not there. Install PostgreSQL's client programs, or add them to PATH"
    others="SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    connected=$(psql --no-psqlrc --quiet --tuples-only --no-align --command="$others" --dbname="$DATABASE_URL") ||
        die "the database of DATABASE_URL cannot be reached"
    [ "$connected" -eq 0 ] || die "$connected connections to the database stand. Stop every gateway, the worker and beat"
    pg_restore --no-owner --no-privileges --file="$script" "$folder/gateway.dump" || die "the dump cannot be read"
    # What is there may be of a later release, with tables that the dump does not name: all of it goes, or nothing.
    empty="DO \$\$ DECLARE name text; BEGIN FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
        LOOP EXECUTE format('DROP TABLE public.%I CASCADE', name); END LOOP; END \$\$"
    PGOPTIONS="-c client_min_messages=warning" psql --no-psqlrc --quiet --single-transaction --set=ON_ERROR_STOP=1 \
        --output=/dev/null --command="$empty" --file="$script" --dbname="$DATABASE_URL" ||
        die "nothing was changed: the backup could not be put back"
}

# The gateway holds this lock for as long as it runs (eagateway/servers/embedded.py).
is_served() {
    "$python" - "$data/gateway.lock" <<'PYTHON'
import fcntl, os, sys
if not os.path.exists(sys.argv[1]):
    sys.exit(1)
with open(sys.argv[1], "a") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(0)
sys.exit(1)
PYTHON
}

is_whole() {
    "$python" - "$folder/gateway.sqlite3" <<'PYTHON'
import sqlite3, sys
try:
    faults = [row[0] for row in sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check")]
except sqlite3.DatabaseError as error:
    sys.exit(str(error))
sys.exit(faults != ["ok"])
PYTHON
}

restore_sqlite() {
    [ -f "$folder/gateway.sqlite3" ] || die "there is no gateway.sqlite3 in $folder: it is no backup of an embedded gateway"
    python=$root/.venv/bin/python
    [ -x "$python" ] || python=python3
    mkdir -p "$data"
    if is_served; then die "a gateway serves $data. Stop it"; fi
    is_whole || die "the database in $folder cannot be read"
    former=$data/before-restore
    number=1
    while [ -e "$former-$number" ]; do number=$((number + 1)); done
    for name in gateway.sqlite3 gateway.sqlite3-wal gateway.sqlite3-shm secret.key; do
        if [ -e "$data/$name" ]; then
            mkdir -p "$former-$number"
            mv "$data/$name" "$former-$number/$name"
        fi
    done
    cp "$folder/gateway.sqlite3" "$data/gateway.sqlite3"
    if [ -f "$folder/secret.key" ]; then cp "$folder/secret.key" "$data/secret.key"; fi
    if [ -d "$former-$number" ]; then say "what was there is in $former-$number"; fi
}

if [ -n "${DATABASE_URL:-}" ]; then
    script=$(mktemp)
    trap 'rm -f "$script"' EXIT
    restore_postgresql
else
    restore_sqlite
fi
say "done; start the gateway"
