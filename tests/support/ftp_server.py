"""A right FTP server's control connection, without a socket."""

import posixpath

_ANSWERS = {
    "": b"220 ready\r\n",
    "USER": b"331 password?\r\n",
    "PASS": b"230-welcome\r\n220 is not the end\r\n 230 nor this\r\n230 in\r\n",
    "SYST": b"215 UNIX Type: L8\r\n",
    "HELP": b"214-known:\r\n NOOP\r\n214 end\r\n",
    "FEAT": b"211-Features:\r\n SIZE\r\n211 End\r\n",
    "RNFR": b"550 none\r\n",
    "QUIT": b"221 bye\r\n",
}


class FtpControl:
    """Folders and where the connection is; RFC 959 in a few lines."""

    def __init__(self, home: str = "/") -> None:
        """Be in the first folder."""
        self.at = home
        self.folders = {"/", home, posixpath.dirname(home)}

    def answer(self, request: bytes) -> bytes:
        """Return the reply to a command, or the greeting."""
        keyword, *arguments = request.decode().split() or [""]
        keyword = keyword.upper()
        to = posixpath.normpath(posixpath.join(self.at, arguments[0] if arguments else ".."))
        if keyword in {"CWD", "CDUP"}:
            if to not in self.folders:
                return b"550 none\r\n"
            self.at = to
            return b"250 there\r\n"
        if keyword == "PWD":
            return f'257 "{self.at.replace(chr(34), chr(34) * 2)}" is it\r\n'.encode()
        if keyword == "MKD":
            self.folders.add(to)
            return b'257 "it" made\r\n'
        if keyword == "RMD":
            self.folders.discard(to)
            return b"250 gone\r\n"
        return _ANSWERS.get(keyword, b"200 fine\r\n")
