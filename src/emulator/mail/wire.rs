//! The lines of one connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::limits::ENDLESS;

/// A connection that is read line by line, never waiting for ever.
#[derive(Debug)]
pub(super) struct Wire {
    stream: BufReader<TcpStream>,
    idle: Duration,
}

/// One line as it came.
#[derive(Debug)]
pub(super) struct Line {
    /// What was sent, with its end; of a line that is too long, the beginning only.
    bytes: Vec<u8>,
    /// Length of the whole line in bytes, with its end.
    pub(super) length: usize,
    /// Whether it ended as lines must, with CR LF.
    pub(super) ended_well: bool,
}

impl Line {
    /// The line without its end.
    pub(super) fn content(&self) -> &[u8] {
        let bytes = self.bytes.as_slice();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }

    /// The line with its end.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Wire {
    pub(super) fn new(stream: TcpStream, idle: Duration) -> Self {
        Self {
            stream: BufReader::new(stream),
            idle,
        }
    }

    /// The next line, with at most `longest` bytes of it; `None` at the end of the connection.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when nothing comes for too long, and when the line has no end.
    pub(super) async fn line(&mut self, longest: usize) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut length = 0;
        let mut last = None;
        loop {
            let part = timeout(self.idle, self.stream.fill_buf()).await??;
            if part.is_empty() {
                return Ok(None);
            }
            let end = part.iter().position(|byte| *byte == b'\n');
            let (before_end, _) = part.split_at(end.unwrap_or(part.len()));
            last = before_end.last().copied().or(last);
            let taken = before_end.len() + usize::from(end.is_some());
            let kept = longest.saturating_sub(bytes.len()).min(taken);
            bytes.extend_from_slice(part.get(..kept).unwrap_or_default());
            length += taken;
            self.stream.consume(taken);
            if end.is_some() {
                return Ok(Some(Line {
                    bytes,
                    length,
                    ended_well: last == Some(b'\r'),
                }));
            }
            if length > ENDLESS {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
        }
    }

    /// Sends a reply of one or more lines.
    pub(super) async fn say(&mut self, reply: &str) -> io::Result<()> {
        let line = format!("{reply}\r\n");
        timeout(self.idle, self.stream.write_all(line.as_bytes())).await?
    }

    /// Says nothing more, until the client gives up or says nothing itself.
    pub(super) async fn be_silent(&mut self) {
        while matches!(self.line(0).await, Ok(Some(_))) {}
    }
}
