// smtp-server, accepting every message.
const { SMTPServer } = require('smtp-server')
new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  onData (stream, session, callback) {
    stream.on('end', callback)
    stream.resume()
  }
}).listen(Number(process.argv[2]), '127.0.0.1')
