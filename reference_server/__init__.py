"""A timestamp-echo server that is right under pressure, fast, and short enough to read.

Start with `framing.py`, then `connection.py` and `prefork.py`; `PROTOCOL.md` is what they obey.

```
__main__, server    the program: options in, exit code out
options             the command line, which makes a config
config, errors      frozen data, and what stops a start
listener            the sockets served
framing             the protocol, without a socket
connection, tls     one stream; prefork: the loop that many of them live in
blocking            the two older serving models
datagrams           UDP
supervisor          the parent of the pre-forked workers; processes: how a child starts
faults, variants/   the zoo: faults, and sound variants
```
"""
