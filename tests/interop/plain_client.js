// node plain_client.js PORT: says what comes and how it ends.
const socket = require('net').connect(Number(process.argv[2]), '127.0.0.1');
socket.on('data', (data) => console.log('data', data.toString()));
socket.on('end', () => console.log('end'));
socket.on('error', (error) => console.log('error', error.code));
