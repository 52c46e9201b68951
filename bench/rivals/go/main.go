// The four protocols on crypto/tls: a goroutine for each connection, HTTP by hand as in the other servers.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log"
	"net"
	"os"
	"strconv"
)

const (
	echoBufferSize = 4096
	writeSize      = 16 * 1024
	answer         = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!"
)

var block [writeSize]byte

func echo(connection net.Conn) {
	buffer := make([]byte, echoBufferSize)
	for {
		size, err := connection.Read(buffer)
		if size > 0 {
			if _, err := connection.Write(buffer[:size]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func download(connection net.Conn) {
	var length [8]byte
	for {
		if _, err := io.ReadFull(connection, length[:]); err != nil {
			return
		}
		for left := binary.BigEndian.Uint64(length[:]); left > 0; {
			part := block[:]
			if left < writeSize {
				part = block[:left]
			}
			if _, err := connection.Write(part); err != nil {
				return
			}
			left -= uint64(len(part))
		}
	}
}

func upload(connection net.Conn) {
	var length [8]byte
	buffer := make([]byte, writeSize)
	for {
		if _, err := io.ReadFull(connection, length[:]); err != nil {
			return
		}
		for left := binary.BigEndian.Uint64(length[:]); left > 0; {
			part := buffer
			if left < writeSize {
				part = buffer[:left]
			}
			size, err := connection.Read(part)
			if err != nil {
				return
			}
			left -= uint64(size)
		}
		if _, err := connection.Write(length[:]); err != nil {
			return
		}
	}
}

func http(connection net.Conn) {
	reader := bufio.NewReaderSize(connection, 2048)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(bytes.TrimRight(line, "\r\n")) != 0 {
			continue
		}
		if _, err := io.WriteString(connection, answer); err != nil {
			return
		}
	}
}

func serve(connection net.Conn, handle func(net.Conn)) {
	defer connection.Close()
	if connection.(*tls.Conn).Handshake() == nil {
		handle(connection)
	}
}

func listen(port int, config *tls.Config, handle func(net.Conn)) {
	listener, err := tls.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), config)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				log.Fatal(err)
			}
			go serve(connection, handle)
		}
	}()
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: server PORT CERTIFICATE KEY")
	}
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	for i := range block {
		block[i] = byte(i % 251)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	for i, handle := range []func(net.Conn){echo, download, upload, http} {
		listen(port+i, config, handle)
	}
	select {}
}
