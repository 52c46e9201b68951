// A TLS server that staples a file to its certificate and tells as JSON what it was asked.
// node ocsp_server.js VERSION CERT KEY CA RESPONSE
'use strict';
const tls = require('tls');
const fs = require('fs');

const [version, cert, key, ca, response] = process.argv.slice(2);
const server = tls.createServer({
  minVersion: version, maxVersion: version, ca: fs.readFileSync(ca), cert: fs.readFileSync(cert), key: fs.readFileSync(key),
}, (socket) => {
  socket.on('error', () => {});
  socket.end('welcome');
});
server.on('OCSPRequest', (certificate, issuer, callback) => {
  console.log(JSON.stringify({ certificate: certificate.length, issuer: issuer && issuer.length }));
  setTimeout(() => callback(null, fs.readFileSync(response)), 5);
});
server.on('tlsClientError', (error) => console.log(JSON.stringify({ failed: error.code })));
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port};`));
