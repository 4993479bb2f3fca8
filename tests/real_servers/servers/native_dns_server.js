// The TCP server of native-dns, as its documentation shows; every name has the address 192.0.2.1.
const dns = require('native-dns')
const server = dns.createTCPServer()
server.on('request', (request, response) => {
  response.answer.push(dns.A({ name: request.question[0].name, address: '192.0.2.1', ttl: 60 }))
  response.send()
})
server.serve(Number(process.argv[2]), '127.0.0.1')
