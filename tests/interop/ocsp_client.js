// A TLS client that asks for a stapled OCSP response and tells as JSON what came and when.
// node ocsp_client.js PORT VERSION CA
'use strict';
const tls = require('tls');
const fs = require('fs');

const [port, version, ca] = process.argv.slice(2);
const seen = { calls: 0, response: null, before: null, failed: null };
const socket = tls.connect({
  port: Number(port), host: '127.0.0.1', servername: 'localhost', requestOCSP: true,
  minVersion: version, maxVersion: version, ca: fs.readFileSync(ca),
}, () => {
  seen.before = seen.calls === 1;
  socket.end();
});
socket.on('OCSPResponse', (response) => {
  seen.calls += 1;
  seen.response = response && response.toString('base64');
});
socket.on('error', (error) => { seen.failed = error.code; });
socket.on('close', () => console.log(JSON.stringify(seen)));
socket.resume();
