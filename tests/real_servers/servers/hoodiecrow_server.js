// Hoodiecrow, an IMAP server for tests, with one user and no mail.
const hoodiecrow = require('hoodiecrow-imap')
const users = { wireproof: { password: 'wireproof' } }
hoodiecrow({ users, storage: { INBOX: { messages: [] } } }).listen(Number(process.argv[2]), '127.0.0.1')
