// DinoDNS over TCP; every name has the address 192.0.2.1.
const { DefaultServer, DNSOverTCP } = require('dinodns').common
const server = new DefaultServer({
  networks: [new DNSOverTCP({ address: '127.0.0.1', port: Number(process.argv[2]) })]
})
server.handle('*', (request, response) => response.answer({
  name: request.packet.questions[0].name, type: 'A', ttl: 60, data: '192.0.2.1'
}))
server.start(() => {})
