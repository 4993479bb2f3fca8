// PGlite, PostgreSQL in WebAssembly, behind its socket server.
const { PGlite } = require('@electric-sql/pglite')
const { PGLiteSocketServer } = require('@electric-sql/pglite-socket')
PGlite.create().then((db) =>
  new PGLiteSocketServer({ db, port: Number(process.argv[2]), host: '127.0.0.1', maxConnections: 100 }).start()
)
