#!/bin/sh
# Memcached at 127.0.0.2, and a proxy before it: before_memcached.sh PORT COMMAND...
memcached -l 127.0.0.2 -p "$1" -U 0 -u root &
shift
exec "$@"
