// The module ftpd, as its documentation shows, with any user and an empty folder.
const { FtpServer } = require('ftpd')
const [port, folder] = process.argv.slice(2)
const server = new FtpServer('127.0.0.1', { getInitialCwd: () => '/', getRoot: () => folder, logLevel: 0 })
server.on('error', () => {})
server.on('client:connected', (connection) => {
  connection.on('error', () => {})
  connection.on('command:user', (user, success) => success())
  connection.on('command:pass', (password, success) => success('wireproof'))
})
server.listen(Number(port))
