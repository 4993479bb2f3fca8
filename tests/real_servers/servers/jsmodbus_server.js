// The TCP server of jsmodbus with 10,000 holding registers.
const net = require('net')
const { server } = require('jsmodbus')
const listener = new net.Server()
new server.TCP(listener, { holding: Buffer.alloc(20000) })
listener.listen(Number(process.argv[2]), '127.0.0.1')
