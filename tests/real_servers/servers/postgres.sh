#!/bin/sh
# PostgreSQL in a folder of its own: postgres.sh PORT FOLDER [behind-pgbouncer].
# It doesn't run as root. Behind PgBouncer it listens on a Unix socket alone.
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
as_postgres="setpriv --reuid=postgres --regid=postgres --init-groups"
install -d -o postgres -g postgres -m 700 "$2/data"
$as_postgres "$bin/initdb" -D "$2/data" -A trust -U postgres -E UTF8 --no-sync > /dev/null
postgres="$as_postgres $bin/postgres -D $2/data -p $1 -k $2/data -c fsync=off -c listen_addresses="
if [ -z "$3" ]; then
  exec ${postgres}127.0.0.1
fi
$postgres &
exec $as_postgres pgbouncer "$2/pgbouncer.ini"
