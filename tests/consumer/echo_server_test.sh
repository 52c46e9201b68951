#!/bin/sh
# Starts the echo server of the README and has a line echoed. $1: the server.
set -eu
server=$PWD/$1
cd "$TEST_TMPDIR"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -days 1 -keyout key.pem -out cert.pem 2> openssl.log

"$server" > server.log 2>&1 &
process=$!
trap 'kill $process 2> /dev/null || true' EXIT

for _ in 1 2 3 4 5 6 7 8 9 10; do
    answer=$( (echo "hello, coil"; sleep 1) | timeout 10 openssl s_client -quiet -no_ign_eof -verify_return_error -CAfile cert.pem \
        -verify_hostname localhost -connect localhost:8000 2> client.log) && break
    if ! kill -0 $process; then break; fi
    sleep 0.1
done
if [ "${answer:-}" = "hello, coil" ]; then exit 0; fi
echo "the answer was '${answer:-}'"
cat server.log client.log
exit 1
