#!/bin/sh
# vsftpd for anonymous users: vsftpd.sh PORT FOLDER.
set -e
port=$1 work=$2
chmod 711 "$work"
mkdir -p "$work/empty" "$work/root"
cat > "$work/vsftpd.conf" << END
background=NO
listen=YES
listen_address=127.0.0.1
listen_port=$port
anonymous_enable=YES
local_enable=NO
no_anon_password=NO
anon_root=$work/root
secure_chroot_dir=$work/empty
nopriv_user=nobody
max_clients=0
max_per_ip=0
seccomp_sandbox=NO
END
exec vsftpd "$work/vsftpd.conf"
