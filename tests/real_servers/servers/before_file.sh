#!/bin/sh
# A relay whose metrics socat takes at 127.0.0.2 and writes into a file: before_file.sh PORT FILE COMMAND...
port=$1 file=$2
shift 2
socat -u "TCP-LISTEN:$port,bind=127.0.0.2,reuseaddr,fork" "OPEN:$file,creat,append" &
exec "$@"
