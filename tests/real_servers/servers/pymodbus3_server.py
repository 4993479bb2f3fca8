"""The asyncio TCP server of pymodbus 3 with 10,000 holding registers."""

import sys

from pymodbus.server import StartTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

registers = SimData(address=0, count=10000, values=0, datatype=DataType.REGISTERS)
device = SimDevice(id=1, simdata=[registers])
StartTcpServer(device, address=("127.0.0.1", int(sys.argv[1])))
