#!/usr/bin/env bash
# The PostgreSQL server of the tests: postgres.sh start|stop FOLDER. It listens on a socket in FOLDER
# only, belongs to no service of this host, and is as fast as one that may lose everything.
set -euo pipefail
readonly folder=$2
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[[ -n $bin ]] || { echo "PostgreSQL is missing: ./dev test installs it"; exit 1; }

# PostgreSQL refuses root.
as=()
if ((EUID == 0)); then
    as=(setpriv --reuid=nobody --regid=nogroup --clear-groups env -i "PATH=$PATH")
fi
run() { (cd "$folder" && exec "${as[@]}" "$@" </dev/null); }

stop() {
    if [[ -f $folder/data/postmaster.pid ]]; then
        run "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null || true
    fi
    rm -rf "$folder"
}

start() {
    stop
    mkdir -m 0755 "$folder"
    mkdir -m 0700 "$folder/data"
    if ((EUID == 0)); then chown nobody:nogroup "$folder" "$folder/data"; fi
    run "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
        --wal-segsize=1 >/dev/null
    cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
fsync = off
full_page_writes = off
shared_buffers = 16MB
autovacuum = off
max_connections = 200
max_wal_size = 64MB
CONF
    run "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w start >/dev/null
    run psql -q -h "$folder" -U postgres -d postgres \
        -c 'CREATE ROLE jeton LOGIN' -c 'CREATE DATABASE jeton OWNER jeton'
}

"$1"
