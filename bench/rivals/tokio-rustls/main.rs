//! The four protocols on tokio and rustls: a task for each connection, HTTP by hand as in the other servers.

use std::fs::File;
use std::io::{self, BufReader};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::rustls::{server::NoServerSessionStorage, Certificate, PrivateKey, ServerConfig, Ticketer};
use tokio_rustls::server::TlsStream;
use tokio_rustls::TlsAcceptor;

const ECHO_BUFFER_SIZE: usize = 4096;
const WRITE_SIZE: usize = 16 * 1024;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!";

type Stream = TlsStream<TcpStream>;

#[derive(Clone, Copy)]
enum Protocol {
    Echo,
    Download,
    Upload,
    Http,
}

async fn echo(stream: &mut Stream) -> io::Result<()> {
    let mut buffer = [0; ECHO_BUFFER_SIZE];
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..size]).await?;
        stream.flush().await?;
    }
}

async fn download(stream: &mut Stream, block: &[u8]) -> io::Result<()> {
    loop {
        let mut left = stream.read_u64().await?;
        while left > 0 {
            let size = left.min(WRITE_SIZE as u64) as usize;
            stream.write_all(&block[..size]).await?;
            left -= size as u64;
        }
        stream.flush().await?;
    }
}

async fn upload(stream: &mut Stream) -> io::Result<()> {
    let mut buffer = vec![0; WRITE_SIZE];
    loop {
        let length = stream.read_u64().await?;
        let mut left = length;
        while left > 0 {
            let size = left.min(WRITE_SIZE as u64) as usize;
            let size = stream.read(&mut buffer[..size]).await?;
            if size == 0 {
                return Ok(());
            }
            left -= size as u64;
        }
        stream.write_u64(length).await?;
        stream.flush().await?;
    }
}

async fn http(stream: &mut Stream) -> io::Result<()> {
    let mut received = Vec::new();
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
        while let Some(end) = received.windows(4).position(|part| part == b"\r\n\r\n") {
            received.drain(..end + 4);
            stream.write_all(ANSWER).await?;
            stream.flush().await?;
        }
    }
}

async fn serve(socket: TcpStream, acceptor: TlsAcceptor, protocol: Protocol, block: Arc<Vec<u8>>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut stream = acceptor.accept(socket).await?;
    match protocol {
        Protocol::Echo => echo(&mut stream).await?,
        Protocol::Download => download(&mut stream, &block).await?,
        Protocol::Upload => upload(&mut stream).await?,
        Protocol::Http => http(&mut stream).await?,
    }
    stream.shutdown().await
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, protocol: Protocol, block: Arc<Vec<u8>>) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(serve(socket, acceptor.clone(), protocol, block.clone()));
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    socket.listen(4096)
}

fn configure(certificate: &str, key: &str) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let chain = rustls_pemfile::certs(&mut BufReader::new(File::open(certificate)?))?;
    let keys = rustls_pemfile::pkcs8_private_keys(&mut BufReader::new(File::open(key)?))?;
    let key = keys.into_iter().next().ok_or("the key file holds no PKCS #8 key")?;
    let mut config = ServerConfig::builder()
        .with_safe_defaults()
        .with_no_client_auth()
        .with_single_cert(chain.into_iter().map(Certificate).collect(), PrivateKey(key))?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Ticketer::new()?;
    Ok(config)
}

async fn run(port: u16, config: ServerConfig) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let block = Arc::new((0..WRITE_SIZE).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    let mut tasks = Vec::new();
    let protocols = [Protocol::Echo, Protocol::Download, Protocol::Upload, Protocol::Http];
    for (port, protocol) in (port..).zip(protocols) {
        tasks.push(tokio::spawn(accept(listen(port)?, acceptor.clone(), protocol, block.clone())));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().collect();
    if words.len() != 5 {
        return Err("usage: server PORT CERTIFICATE KEY THREADS".into());
    }
    let threads: usize = words[4].parse()?;
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_io().build()?;
    runtime.block_on(run(words[1].parse()?, configure(&words[2], &words[3])?))?;
    Ok(())
}
