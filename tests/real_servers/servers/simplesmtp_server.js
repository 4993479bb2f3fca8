// simplesmtp, accepting every message.
require('simplesmtp').createSimpleServer({ disableDNSValidation: true }, request => {
  request.on('data', () => {})
  request.accept()
}).listen(Number(process.argv[2]), () => {})
