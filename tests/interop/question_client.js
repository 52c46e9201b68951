// A TLS client: tells as JSON what it saw of the server, and then what went wrong.
// node question_client.js OPTIONS FILES, both as JSON; the options that FILES names are read from there.
'use strict';
const tls = require('tls');
const fs = require('fs');

const options = JSON.parse(process.argv[2]);
for (const [name, file] of Object.entries(JSON.parse(process.argv[3]))) options[name] = fs.readFileSync(file);
const socket = tls.connect(options, () => {
  console.log(JSON.stringify({ subject: socket.getPeerCertificate().subject.CN, alpn: socket.alpnProtocol || '' }));
});
socket.on('data', () => {});
socket.on('error', (error) => console.log(JSON.stringify({ failed: error.code, message: error.message })));
