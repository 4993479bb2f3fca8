#!/bin/sh
# GNU Mailutils' POP3 server: mailutils_pop3.sh PORT FOLDER. Users wp00000000@example.com and further
# ones have the password secret, and two messages each.
set -e
port=$1 work=$2
chmod 711 "$work"
mkdir -p "$work/domains"
hash=$(openssl passwd -1 secret)
for number in $(seq 0 299); do
  name=$(printf 'wp%08d' "$number")
  mkdir -p "$work/mail/$name"
  printf '%s\n' 'From a@example.com Mon Nov 23 14:41:16 2026' 'Subject: one' '' '.' '..' '.a' '' 'end' '' \
    'From a@example.com Mon Nov 23 14:41:17 2026' 'Subject: two' '' 'short' '' > "$work/mail/$name/INBOX"
  echo "$name:$hash:8:8:x:$work/mail/$name:/bin/false" >> "$work/domains/example.com"
done
chown -R mail:mail "$work/mail"
cat > "$work/pop3d.conf" << END
mode daemon;
foreground yes;
max-children 400;
pidfile $work/pid;
auth {
  authentication clear;
  authentication virtdomain:generic;
  authorization clear;
  authorization virtdomain;
};
virtdomain { passwd-dir $work/domains; };
logging { syslog no; };
tls-mode no;
server 127.0.0.1:$port { tls-mode no; };
END
exec pop3d --no-site-config --config-file="$work/pop3d.conf"
