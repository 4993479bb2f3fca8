#!/bin/sh
# Dovecot: dovecot.sh PORT FOLDER PROTOCOL [CERTIFICATE], by which TLS may begin inside a connection. It takes any user and password; all share one mailbox.
# With an index of the list of mailboxes it says NO, ALREADYEXISTS to some who create different ones side by side.
set -e
port=$1 work=$2 protocol=$3
tls="ssl = no"
[ -z "$4" ] || tls="ssl = yes
ssl_cert = <$4
ssl_key = <$4"
chmod 711 "$work"
mkdir -p "$work/mail/new" "$work/mail/cur" "$work/mail/tmp" "$work/base"
printf 'Subject: one\n\n.\n..\n.begins with a dot\n\nend\n' >"$work/mail/new/1.a.b"
printf 'Subject: two\nFrom: a@example.com\n\nno end of line' >"$work/mail/new/2.a.b"
{ printf 'Subject: three\n\n'; seq 1 400; } >"$work/mail/new/3.a.b"
cat >"$work/dovecot.conf" <<END
base_dir = $work/base
log_path = $work/log
protocols = $protocol
listen = 127.0.0.1
$tls
disable_plaintext_auth = no
mail_location = maildir:$work/mail
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 0
mailbox_list_index = no
auth_failure_delay = 0
default_process_limit = 1000
default_client_limit = 4000
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$work/mail
}
service $protocol-login {
  service_count = 0
  process_min_avail = 1
  inet_listener $protocol {
    port = $port
  }
  inet_listener ${protocol}s {
    port = 0
  }
}
END
chown -R mail:mail "$work/mail"
exec dovecot -F -c "$work/dovecot.conf"
