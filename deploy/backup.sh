#!/bin/sh
# Writes a backup of the gateway's database into a new folder, also while it serves:  deploy/backup.sh FOLDER
# With the environment of the gateway: DATABASE_URL (needs pg_dump of PostgreSQL's release or of a later one), or
# EAGATEWAY_DATA_DIR for the embedded lane, whose secret is copied too. The secrets of a deployment with DATABASE_URL
# stand in its environment and nowhere else: keep SECRET_KEY and KEY_FINGERPRINT_SECRET yourself, without them every
# EA key is unknown.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
data=${EAGATEWAY_DATA_DIR:-$root/data}

say() { printf 'backup: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

[ $# -eq 1 ] || die "name the folder that the backup shall be in: deploy/backup.sh FOLDER"
folder=$1
[ ! -e "$folder" ] || die "$folder is there already. Name a new folder"

# Nobody else may read it. What a backup that was cut off leaves behind has another name.
umask 077
part=$folder.part
rm -rf "$part"
mkdir -p "$part"

if [ -n "${DATABASE_URL:-}" ]; then
    command -v pg_dump >/dev/null || die "pg_dump is not there. Install PostgreSQL's client programs, or add them to PATH"
    pg_dump --format=custom --no-owner --no-privileges --file="$part/gateway.dump" --dbname="$DATABASE_URL" ||
        die "pg_dump could not read the database of DATABASE_URL"
    # Reads all of it: a file that was cut off is no backup.
    pg_restore --file=/dev/null "$part/gateway.dump" || die "the dump cannot be read again"
else
    [ -f "$data/gateway.sqlite3" ] || die "there is no database in $data. Set EAGATEWAY_DATA_DIR or DATABASE_URL"
    python=$root/.venv/bin/python
    [ -x "$python" ] || python=python3
    "$python" - "$data/gateway.sqlite3" "$part/gateway.sqlite3" <<'PYTHON' || die "the database could not be copied"
import sqlite3, sys
source, target = (sqlite3.connect(name) for name in sys.argv[1:])
source.backup(target)  # one moment of it, whatever is written meanwhile
source.close()
faults = [row[0] for row in target.execute("PRAGMA integrity_check")]
target.close()
sys.exit(faults != ["ok"])
PYTHON
    if [ -f "$data/secret.key" ]; then cp "$data/secret.key" "$part/secret.key"; fi
fi

mv "$part" "$folder"
say "written to $folder"
