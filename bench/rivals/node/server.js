'use strict';
// The four protocols on node:tls, without node:https, which does more than the other servers. Bun runs it too.

const cluster = require('node:cluster');
const fs = require('node:fs');
const tls = require('node:tls');

const [port, certificate, key, threads] = process.argv.slice(2);
const writeSize = 16 * 1024;
const block = Buffer.alloc(writeSize);
for (let i = 0; i < writeSize; ++i) block[i] = i % 251;
const answer = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!', 'latin1');

function echo(socket) {
  socket.pipe(socket);
}

// Collects the eight bytes of a length. Returns how many bytes of `data` it took.
function takeLength(request, data) {
  const size = Math.min(8 - request.filled, data.length);
  data.copy(request.bytes, request.filled, 0, size);
  request.filled += size;
  if (request.filled === 8) request.left = Number(request.bytes.readBigUInt64BE());
  return size;
}

function download(socket) {
  const request = { bytes: Buffer.alloc(8), filled: 0, left: 0 };
  const send = () => {
    while (request.left > 0) {
      const size = Math.min(request.left, writeSize);
      request.left -= size;
      if (!socket.write(size === writeSize ? block : block.subarray(0, size))) return;
    }
    if (request.filled === 8) request.filled = 0;
  };
  socket.on('drain', send);
  socket.on('data', (data) => {
    takeLength(request, data);
    if (request.filled === 8) send();
  });
}

function upload(socket) {
  const request = { bytes: Buffer.alloc(8), filled: 0, left: 0 };
  socket.on('data', (data) => {
    for (let used = 0; used < data.length;) {
      if (request.filled < 8) used += takeLength(request, data.subarray(used));
      const size = Math.min(request.left, data.length - used);
      request.left -= size;
      used += size;
      if (request.filled === 8 && request.left === 0) {
        request.filled = 0;
        socket.write(Buffer.from(request.bytes));
      }
    }
  });
}

function http(socket) {
  let received = '';
  socket.on('data', (data) => {
    received += data.latin1Slice();
    for (let end; (end = received.indexOf('\r\n\r\n')) >= 0; received = received.slice(end + 4)) socket.write(answer);
  });
}

if (Number(threads) > 1 && cluster.isPrimary) {
  for (let i = 0; i < Number(threads); ++i) cluster.fork();
} else {
  const options = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key), minVersion: 'TLSv1.2' };
  [echo, download, upload, http].forEach((handler, i) => {
    const server = tls.createServer(options, (socket) => {
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      handler(socket);
    });
    server.listen({ host: '127.0.0.1', port: Number(port) + i, backlog: 4096 });
  });
}
