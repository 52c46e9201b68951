// node tls_client.js PORT VERSION CA: says what comes and how it ends.
const socket = require('tls').connect({
  port: Number(process.argv[2]), host: '127.0.0.1', servername: 'localhost',
  minVersion: process.argv[3], maxVersion: process.argv[3], ca: require('fs').readFileSync(process.argv[4]),
});
socket.on('data', (data) => console.log('data', data.toString()));
socket.on('end', () => console.log('end'));
socket.on('error', (error) => console.log('error', error.code));
