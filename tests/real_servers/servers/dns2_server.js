// The TCP server of dns2; every name has the address 192.0.2.1.
const { createTCPServer, Packet } = require('dns2')
createTCPServer((request, send) => {
  const response = Packet.createResponseFromRequest(request)
  const [question] = request.questions
  response.answers.push({
    name: question.name, type: Packet.TYPE.A, class: Packet.CLASS.IN, ttl: 60, address: '192.0.2.1'
  })
  send(response)
}).listen(Number(process.argv[2]), '127.0.0.1')
