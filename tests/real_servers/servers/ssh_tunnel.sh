#!/bin/sh
# An sshd at 127.0.0.3, and `ssh -L` through it to 127.0.0.2, or `ssh -D`: ssh_tunnel.sh PORT FOLDER [-D].
set -e
ssh-keygen -q -t ed25519 -N "" -f "$2/key"
install -d -m 755 /run/sshd
cat > "$2/sshd_config" << END
ListenAddress 127.0.0.3:$1
HostKey $2/key
AuthorizedKeysFile $2/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
END
/usr/sbin/sshd -D -f "$2/sshd_config" &
to_server="-p $1 -i $2/key -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
led="-L 127.0.0.1:$1:127.0.0.2:$1"
[ -z "$3" ] || led="-D 127.0.0.1:$1"
for _ in 1 2 3 4 5; do
  ssh $to_server -N -o ExitOnForwardFailure=yes -o LogLevel=ERROR $led "$(id -un)@127.0.0.3" && break
  sleep 0.2
done
