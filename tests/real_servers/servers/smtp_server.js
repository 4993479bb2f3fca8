// smtp-server, accepting every message.
const { SMTPServer } = require('smtp-server')
const server = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  onData (stream, session, callback) {
    stream.on('end', callback)
    stream.resume()
  }
})
// A client's reset comes as an event of the server, which ends the process where nobody listens.
server.on('error', (error) => console.error(error.message))
server.listen(Number(process.argv[2]), '127.0.0.1')
