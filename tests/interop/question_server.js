// A TLS server for one client: tells as JSON what it saw of it, or why there is nothing to see.
// node question_server.js VERSION CERT KEY
'use strict';
const tls = require('tls');
const fs = require('fs');

const [version, cert, key] = process.argv.slice(2);
const server = tls.createServer({
  minVersion: version, maxVersion: version, cert: fs.readFileSync(cert), key: fs.readFileSync(key),
}, (socket) => {
  console.log(JSON.stringify({ servername: socket.servername, protocol: socket.getProtocol() }));
  socket.on('error', (error) => console.log(JSON.stringify({ failed: error.code, message: error.message })));
  socket.end('welcome');
  server.close();
});
server.on('tlsClientError', (error) => {
  console.log(JSON.stringify({ failed: error.code, message: error.message }));
  server.close();
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port};`));
