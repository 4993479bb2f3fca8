// ftp-srv, with any user and an empty folder.
const FtpSrv = require('ftp-srv')
const [port, folder] = process.argv.slice(2)
const nothing = () => {}
const log = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing, child: () => log }
const server = new FtpSrv({ url: `ftp://127.0.0.1:${port}`, anonymous: true, log })
server.on('login', (_, resolve) => resolve({ root: folder, cwd: '/' }))
server.on('client-error', () => {})
server.listen()
