#!/bin/sh
# Runs a command with packages that are unpacked beside the system laid over it, in a mount namespace that ends
# with the command: laid_over.sh UNPACKED COMMAND...
set -e
unpacked=$1
[ -n "$IS_APART" ] || IS_APART=1 exec unshare --mount sh "$0" "$@"
shift
for folder in usr etc; do
  [ ! -d "$unpacked/$folder" ] || mount -t overlay overlay -o "lowerdir=$unpacked/$folder:/$folder" "/$folder"
done
exec "$@"
