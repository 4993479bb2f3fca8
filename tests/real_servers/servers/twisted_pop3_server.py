"""Twisted's POP3 server: one mailbox of three messages, whoever logs in."""

import io
import sys

from twisted.internet import reactor
from twisted.internet.defer import succeed
from twisted.internet.protocol import Factory
from twisted.mail import pop3
from zope.interface import implementer

MESSAGES = [
    b"Subject: one\r\n\r\n.\r\n..\r\n.begins with a dot\r\n\r\nend\r\n",
    b"Subject: two\r\nFrom: a@example.com\r\n\r\n",
    b"Subject: three\r\n\r\n" + b"".join(b"%d\r\n" % number for number in range(400)),
]


@implementer(pop3.IMailbox)
class Mailbox:
    """Three messages; what is marked as deleted has size 0, as the interface says."""

    def __init__(self):
        """Mark none."""
        self.deleted = set()

    def listMessages(self, index=None):  # noqa: N802
        """Return sizes in octets, or one of them."""
        sizes = [0 if at in self.deleted else len(message) for at, message in enumerate(MESSAGES)]
        if index is None:
            return sizes
        if index < 0:
            raise ValueError(index)
        return sizes[index]

    def getMessage(self, index):  # noqa: N802
        """Return a message as a file; Twisted splits its lines at LF."""
        return io.BytesIO(MESSAGES[self._there(index)].replace(b"\r\n", b"\n"))

    def getUidl(self, index):  # noqa: N802
        """Return its name."""
        return b"uid-%d" % self._there(index)

    def deleteMessage(self, index):  # noqa: N802
        """Mark it."""
        self.deleted.add(self._there(index))

    def _there(self, index):
        if index not in range(len(MESSAGES)) or index in self.deleted:
            raise ValueError(index)
        return index

    def undeleteMessages(self):  # noqa: N802
        """Unmark all."""
        self.deleted.clear()

    def sync(self):
        """Delete nothing."""


class Server(pop3.POP3):
    """Takes any user."""

    timeOut = None

    def authenticateUserPASS(self, user, password):  # noqa: N802
        """Give everybody a mailbox."""
        return succeed((pop3.IMailbox, Mailbox(), lambda: None))


reactor.listenTCP(int(sys.argv[1]), Factory.forProtocol(Server), interface="127.0.0.1")
reactor.run()
