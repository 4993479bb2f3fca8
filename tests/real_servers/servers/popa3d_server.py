"""popa3d by inetd, both unpacked beside the system: popa3d_server.py PORT FOLDER UNPACKED.

It asks PAM, and locks a mailbox. So each connection has a user of its own, wp00000000 and so on
with the password secret and two messages; they are laid over the system's in a mount namespace
that ends with it.
"""

import os
import subprocess
import sys
from pathlib import Path

_FIRST_ID, _MAIL = 30_000, 8
_MAILBOX = """From a@example.com Mon Nov 23 14:41:16 2026
Subject: one
Message-Id: <1@example.com>

.
..
.a

end

From a@example.com Mon Nov 23 14:41:17 2026
Subject: two
Message-Id: <2@example.com>

short

"""
_MOUNT = """
for folder in usr etc var/lib; do
  mount -t overlay overlay -o "lowerdir=$unpacked/$folder:/$folder" /$folder
done
mount --bind "$work/passwd" /etc/passwd
mount --bind "$work/shadow" /etc/shadow
mount --bind "$work/mail" /var/mail
exec /usr/sbin/inetd -d -i "$work/inetd.conf"
"""

port, folder, unpacked = sys.argv[1:]
work = Path(folder)
work.chmod(0o711)
mail = work / "mail"
mail.mkdir()
command = ["openssl", "passwd", "-6", "-salt", "wireproof", "secret"]
word = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
users = [f"popa3d:x:{_FIRST_ID - 1}:{_MAIL}::/var/lib/popa3d:/bin/false"]
words = []
for number in range(4096):
    name, user = f"wp{number:08}", _FIRST_ID + number
    users.append(f"{name}:x:{user}:{_MAIL}::/nonexistent:/bin/false")
    words.append(f"{name}:{word}:20000:0:99999:7:::")
    (mail / name).write_text(_MAILBOX)
    os.chown(mail / name, user, _MAIL)
for file, lines in (("passwd", users), ("shadow", words)):
    (work / file).write_text(Path("/etc", file).read_text() + "\n".join(lines) + "\n")
(work / "shadow").chmod(0o600)
served = f"127.0.0.1:{port} stream tcp nowait.60000 root /usr/sbin/popa3d popa3d\n"
(work / "inetd.conf").write_text(served)
os.environ.update(work=folder, unpacked=unpacked)
os.execvp("unshare", ["unshare", "--mount", "sh", "-ec", _MOUNT])  # noqa: S606, S607
