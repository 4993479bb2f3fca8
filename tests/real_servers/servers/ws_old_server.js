// An echo of messages by ws before version 8, which tells text from octets by their type.
const { Server } = require('ws')
const server = new Server({ host: '127.0.0.1', port: Number(process.argv[2]) })
server.on('connection', (socket) => {
  socket.on('error', () => {})
  socket.on('message', (data) => socket.send(data))
})
