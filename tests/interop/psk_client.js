// node psk_client.js PORT VERSION IDENTITY KEY: says what the handshake came to, and what comes.
const [port, version, identity, key] = process.argv.slice(2);
const socket = require('tls').connect({
  port: Number(port), host: '127.0.0.1', minVersion: version, maxVersion: version,
  ciphers: version === 'TLSv1.2' ? 'PSK+HIGH' : undefined,
  checkServerIdentity: () => undefined,
  pskCallback: (hint) => {
    console.log('hint', hint);
    return identity === '-' ? null : { psk: Buffer.from(key, 'hex'), identity };
  },
}, () => console.log('secure', socket.authorized, socket.getCipher().name));
socket.on('data', (data) => console.log('data', data.toString()));
socket.on('end', () => console.log('end'));
socket.on('error', (error) => console.log('error', error.code));
