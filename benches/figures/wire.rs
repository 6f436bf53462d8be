//! A browser reduced to what a benchmark needs: one kept connection, and as little work for the
//! machine under test as possible.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpStream;

/// A connection that is kept open.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, of which the head matters.
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) location: String,
    /// The cookies it sets, ready to be sent back.
    pub(crate) cookies: Vec<String>,
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::with_capacity(16 * 1_024),
        }
    }

    /// Gets `path` with these cookies and reads the whole answer.
    pub(crate) async fn get(&mut self, path: &str, cookies: &str) -> Head {
        let headers = format!("Accept: text/html\r\nCookie: {cookies}");
        self.get_with(path, &headers).await
    }

    /// The same with other headers.
    pub(crate) async fn get_with(&mut self, path: &str, headers: &str) -> Head {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n");
        self.write(request.as_bytes()).await;
        self.buffer.clear();
        let end = loop {
            self.read().await;
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let length: usize = values(&head, "content-length")
            .next()
            .map_or(0, |n| n.parse().unwrap());
        while self.buffer.len() < end + length {
            self.read().await;
        }
        Head {
            status: head[9..12].parse().unwrap(),
            location: values(&head, "location")
                .next()
                .unwrap_or_default()
                .to_owned(),
            cookies: values(&head, "set-cookie")
                .map(|cookie| cookie.split(';').next().unwrap_or_default().to_owned())
                .collect(),
        }
    }

    async fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.stream.writable().await.unwrap();
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn read(&mut self) {
        loop {
            self.stream.readable().await.unwrap();
            match self.stream.try_read_buf(&mut self.buffer) {
                Ok(0) => panic!("the connection was closed"),
                Ok(_) => return,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn values<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    head.lines().filter_map(move |line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
