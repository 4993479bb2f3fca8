// The mock Redis server redmock.
const RedisServer = require('redmock')
const port = Number(process.argv[2])
new (RedisServer.default || RedisServer)({ port, sentinelPort: 0 }).start()
