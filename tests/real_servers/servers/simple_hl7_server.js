// The TCP server of simple-hl7, acknowledging every message, as its documentation shows.
const hl7 = require('simple-hl7')
const app = hl7.tcp()
app.use((request, response, next) => next())
app.use((request, response, next) => response.end())
app.use((error, request, response, next) => response.end())
app.start(Number(process.argv[2]))
