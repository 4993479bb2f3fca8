#!/bin/sh
# Courier, unpacked beside the system: courier.sh PORT FOLDER UNPACKED PROTOCOL. Its packages conflict with Dovecot's,
# so they are laid over the system in a mount namespace that ends with it. The one user's name is the password, too.
set -e
port=$1 work=$2 unpacked=$3 protocol=$4
[ -n "$IS_APART" ] || IS_APART=1 exec unshare --mount sh "$0" "$@"
cp -r "$unpacked/etc/courier" "$work/courier"
chmod 711 "$work"
printf 'authmodulelist="authuserdb"\nauthdaemonvar=/run/courier/authdaemon\ndaemons=20\n' > "$work/courier/authdaemonrc"
mkdir -p "$work/mail/Maildir/new" "$work/mail/Maildir/cur" "$work/mail/Maildir/tmp"
printf 'Subject: one\n\n.\n..\n.begins with a dot\n\nend\n' > "$work/mail/Maildir/cur/1.a.b:2,"
printf 'Subject: two\nFrom: a@example.com\n\nshort\n' > "$work/mail/Maildir/cur/2.a.b:2,"
{ printf 'Subject: three\n\n'; seq 1 400; } > "$work/mail/Maildir/cur/3.a.b:2,"
chown -R mail:mail "$work/mail"
hash=$(openssl passwd -1 wireproof)
printf 'wireproof\tuid=8|gid=8|home=%s|mail=%s|systempw=%s\n' "$work/mail" "$work/mail/Maildir" "$hash" > "$work/courier/userdb"
chmod 600 "$work/courier/userdb"
mount -t overlay overlay -o "lowerdir=$unpacked/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$unpacked/etc:/etc" /etc
mount --bind "$work/courier" /etc/courier
mount -t tmpfs tmpfs /run
mkdir -p /run/courier/authdaemon
libexec=/usr/lib/courier
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/courier-authlib
makeuserdb
$libexec/courier-authlib/authdaemond &
set -a
case $protocol in
  imap) . /etc/courier/imapd; IMAPDEBUGFILE= IMAP_USELOCKS=0 IMAP_ENHANCEDIDLE=0; set -- $libexec/courier/imaplogin /usr/bin/imapd Maildir ;;
  pop3) . /etc/courier/pop3d; set -- $libexec/courier/courierpop3login $libexec/courier/courierpop3d Maildir ;;
esac
set +a
exec couriertcpd -address=127.0.0.1 -maxprocs=1000 -maxperip=1000 -nodnslookup -noidentlookup "$port" "$@"
