"""The non-blocking server of Thrift, with a processor written by hand for `binary echo(binary)`."""

import sys

from thrift.server.TNonblockingServer import TNonblockingServer
from thrift.Thrift import TMessageType, TProcessor, TType
from thrift.transport.TSocket import TServerSocket


class Echo(TProcessor):
    """What Thrift's compiler makes of a service with this one method."""

    def process(self, calls, replies):
        """Answer one call."""
        name, _, number = calls.readMessageBegin()
        value = b""
        calls.readStructBegin()
        while (field := calls.readFieldBegin())[1] != TType.STOP:
            if field[1:] == (TType.STRING, 1):
                value = calls.readBinary()
            else:
                calls.skip(field[1])
            calls.readFieldEnd()
        calls.readStructEnd()
        calls.readMessageEnd()
        replies.writeMessageBegin(name, TMessageType.REPLY, number)
        replies.writeStructBegin("echo_result")
        replies.writeFieldBegin("success", TType.STRING, 0)
        replies.writeBinary(value)
        replies.writeFieldEnd()
        replies.writeFieldStop()
        replies.writeStructEnd()
        replies.writeMessageEnd()
        replies.trans.flush()
        return True


TNonblockingServer(Echo(), TServerSocket("127.0.0.1", int(sys.argv[1]))).serve()
