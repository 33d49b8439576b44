#!/usr/bin/env bash
# The PostgreSQL server of the tests: postgres.sh start|stop|restart FOLDER [fast|immediate]. It
# listens on a socket in FOLDER only, belongs to no service of this host, and is as fast as one that
# may lose everything. pooler FOLDER session|transaction [PORT of the server]: a pgbouncer before it, in FOLDER/pooler.
# standby FOLDER: one that follows it, in FOLDER/standby; `sync`: commits wait for it. promote FOLDER: the first one dies,
# and that takes its place, also behind the pooler.
set -euo pipefail
readonly folder=$2
PATH=$PATH:/usr/sbin # pgbouncer
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[[ -n $bin ]] || { echo "PostgreSQL is missing: ./dev test installs it"; exit 1; }

# PostgreSQL refuses root. FAKETIME_…: its clock may be another one.
as=()
if ((EUID == 0)); then
    as=(setpriv --reuid=nobody --regid=nogroup --clear-groups env -i "PATH=$PATH")
    [[ -z ${FAKETIME_TIMESTAMP_FILE:-} ]] || as+=(TZ=UTC "LD_PRELOAD=$LD_PRELOAD" FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1
        "FAKETIME_TIMESTAMP_FILE=$FAKETIME_TIMESTAMP_FILE")
fi
run() { (cd "$folder" && exec "${as[@]}" "$@" </dev/null); }

stop() {
    if [[ -f $folder/pooler/pid ]]; then kill "$(<"$folder/pooler/pid")" || true; fi
    if [[ -f $folder/data/postmaster.pid ]]; then
        run "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null || true
    fi
    if [[ -f $folder/standby/postmaster.pid ]]; then run "$bin/pg_ctl" -D "$folder/standby" -m immediate -w stop >/dev/null || true; fi
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

restart() {
    run "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -m "$1" -w restart >/dev/null
}

pooler() {
    local own=$folder/pooler
    mkdir -m 0755 "$own"
    cat >"$own/pgbouncer.ini" <<CONF
[databases]
jeton = host=$folder port=${2:-5432} user=jeton dbname=jeton
[pgbouncer]
listen_addr =
unix_socket_dir = $own
listen_port = 5432
auth_type = any
pool_mode = $1
default_pool_size = $([[ $1 == session ]] && echo 150 || echo 4)
server_login_retry = 1
logfile = $own/log
pidfile = $own/pid
CONF
    if ((EUID == 0)); then chown -R nobody:nogroup "$own"; fi
    run pgbouncer -q -d "$own/pgbouncer.ini"
}

# A standby of it, in FOLDER/standby, that repeats what has been written to it.
standby() {
    local own=$folder/standby
    run "$bin/pg_basebackup" -h "$folder" -U postgres -D "$own" -R -c fast >/dev/null
    echo "unix_socket_directories = '$own'" >>"$own/postgresql.conf"
    run "$bin/pg_ctl" -D "$own" -l "$folder/standby.log" -w start >/dev/null
    [[ ${1:-} == sync ]] || return 0
    run psql -q -h "$folder" -U postgres -d postgres -c "ALTER SYSTEM SET synchronous_standby_names = '*'" \
        -c 'SELECT pg_reload_conf()' >/dev/null
}

promote() {
    run "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null
    run "$bin/pg_ctl" -D "$folder/standby" -w promote >/dev/null
    [[ -f $folder/pooler/pid ]] || return 0
    sed -i "s|host=$folder |host=$folder/standby |" "$folder/pooler/pgbouncer.ini"
    kill -HUP "$(<"$folder/pooler/pid")"
}

readonly command=$1
shift 2
"$command" "$@"
