// node psk_server.js PORT VERSION IDENTITY KEY: greets who has the key, and says whom it was asked about.
const [port, version, known, key] = process.argv.slice(2);
const server = require('tls').createServer({
  minVersion: version, maxVersion: version, ciphers: version === 'TLSv1.2' ? 'PSK+HIGH' : undefined,
  pskIdentityHint: 'which',
  pskCallback: (socket, identity) => {
    console.log('asked', identity);
    return identity === known ? Buffer.from(key, 'hex') : null;
  },
}, (socket) => socket.end('by key'));
server.on('tlsClientError', (error) => console.log('failed', error.code));
server.listen(Number(port), '127.0.0.1');
