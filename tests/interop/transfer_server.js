// A TLS server for one client: sends random bytes and takes what comes, both at once; then tells what it saw as JSON.
// node transfer_server.js VERSION SIZE CERT KEY CA
'use strict';
const tls = require('tls');
const fs = require('fs');
const crypto = require('crypto');

const [version, size, cert, key, ca] = process.argv.slice(2);
const server = tls.createServer({
  minVersion: version, maxVersion: version, requestCert: true, ALPNProtocols: ['other', 'transfer'], allowHalfOpen: true,
  cert: fs.readFileSync(cert), key: fs.readFileSync(key), ca: fs.readFileSync(ca),
}, (socket) => {
  server.close();
  const data = crypto.randomBytes(Number(size));
  const received = crypto.createHash('sha256');
  let bytes = 0;
  socket.on('data', (chunk) => { received.update(chunk); bytes += chunk.length; });
  socket.on('end', () => {
    console.log(JSON.stringify({
      sent: crypto.createHash('sha256').update(data).digest('hex'), received: received.digest('hex'), bytes,
      protocol: socket.getProtocol(), authorized: socket.authorized, alpn: socket.alpnProtocol, servername: socket.servername,
      peer: socket.getPeerCertificate().subject?.CN,
    }));
  });
  socket.write(data, () => socket.end());
});
server.on('tlsClientError', (error) => { console.log(JSON.stringify({ failed: error.code })); server.close(); });
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port};`));
