// A TLS client: sends random bytes and takes what comes, both at once; then tells what it saw as JSON.
// node transfer_client.js PORT VERSION SIZE CERT KEY CA
'use strict';
const tls = require('tls');
const fs = require('fs');
const crypto = require('crypto');

const [port, version, size, cert, key, ca] = process.argv.slice(2);
const data = crypto.randomBytes(Number(size));
const received = crypto.createHash('sha256');
let bytes = 0;
const socket = tls.connect({
  host: '127.0.0.1', port: Number(port), minVersion: version, maxVersion: version, servername: 'localhost',
  ALPNProtocols: ['transfer', 'unknown'], allowHalfOpen: true,
  cert: fs.readFileSync(cert), key: fs.readFileSync(key), ca: fs.readFileSync(ca),
}, () => socket.write(data, () => socket.end()));
socket.on('data', (chunk) => { received.update(chunk); bytes += chunk.length; });
socket.on('end', () => {
  console.log(JSON.stringify({
    sent: crypto.createHash('sha256').update(data).digest('hex'), received: received.digest('hex'), bytes,
    protocol: socket.getProtocol(), authorized: socket.authorized, alpn: socket.alpnProtocol,
    peer: socket.getPeerCertificate().subject?.CN,
  }));
});
socket.on('error', (error) => console.log(JSON.stringify({ failed: error.code })));
