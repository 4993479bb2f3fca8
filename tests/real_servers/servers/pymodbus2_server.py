"""The threaded TCP server of pymodbus 2 with 10,000 holding registers."""

import socketserver
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server.sync import StartTcpServer

socketserver.TCPServer.request_queue_size = 64
registers = ModbusSequentialDataBlock(0, [0] * 10000)
context = ModbusServerContext(slaves=ModbusSlaveContext(hr=registers, zero_mode=True), single=True)
StartTcpServer(context, address=("127.0.0.1", int(sys.argv[1])), allow_reuse_address=True)
