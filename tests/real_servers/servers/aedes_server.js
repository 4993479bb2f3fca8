// The aedes broker.
const aedes = require('aedes')()
require('net').createServer(aedes.handle).listen(Number(process.argv[2]), '127.0.0.1')
