//! A connection without a browser's manners.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Sends these bytes as they are, and reads whatever comes until the connection is closed or
/// quiet for two seconds.
pub async fn exchange(address: SocketAddr, bytes: Vec<u8>) -> String {
    off_thread(move || {
        let mut stream = connect(address);
        // A server that has heard enough closes before everything is sent.
        let _ = stream.write_all(&bytes);
        read(&mut stream)
    })
    .await
}

/// Sends `head`, and then one byte of a body again and again, until there is an answer.
pub async fn dripping(address: SocketAddr, head: String, pause: Duration) -> String {
    off_thread(move || {
        let mut stream = connect(address);
        stream.write_all(head.as_bytes()).unwrap();
        stream.set_read_timeout(Some(pause)).unwrap();
        let mut answer = [0; 16_384];
        for _ in 0..60 {
            match stream.read(&mut answer) {
                Ok(read) => return String::from_utf8_lossy(&answer[..read]).into_owned(),
                Err(error) if is_quiet(error.kind()) => {}
                Err(_) => break,
            }
            let _ = stream.write_all(b"a");
        }
        String::new()
    })
    .await
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    stream
}

fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut chunk = [0; 4_096];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
    String::from_utf8_lossy(&answer).into_owned()
}

fn is_quiet(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
