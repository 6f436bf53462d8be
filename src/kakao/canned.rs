//! A server for tests that says exactly the bytes it is told, well-formed or not, and keeps what
//! it was sent.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use url::Url;

/// What to do with a request once it has been read.
#[derive(Clone)]
pub(super) enum Answer {
    /// Write these bytes and wait for the next request on the connection.
    Say(Vec<u8>),
    /// Write these bytes and close.
    SayAndClose(Vec<u8>),
    /// Write these bytes one at a time with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Write this head, then chunks without end.
    Endless(Vec<u8>),
    /// Say nothing until the client gives up.
    Silence,
}

impl Answer {
    /// A complete answer with a JSON body.
    pub(super) fn json(status: u16, body: &str) -> Self {
        Self::full(
            status,
            "Content-Type: application/json;charset=UTF-8\r\n",
            body,
        )
    }

    /// A complete answer with headers of its own.
    pub(super) fn full(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Any\r\n{headers}Content-Length: {length}\r\n\r\n");
        Self::Say((head + body).into_bytes())
    }
}

/// The running server. Answers are given in order, the last one again and again.
pub(super) struct Canned {
    /// Where it listens.
    pub(super) url: Url,
    shared: Arc<Shared>,
}

struct Shared {
    answers: Vec<Answer>,
    requests: Mutex<Vec<String>>,
    written: AtomicUsize,
}

impl Canned {
    pub(super) fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let shared = Arc::new(Shared {
            answers,
            requests: Mutex::default(),
            written: AtomicUsize::new(0),
        });
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                thread::spawn(move || server.converse(stream));
            }
        });
        Self { url, shared }
    }

    /// All requests received so far, head and body.
    pub(super) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many bytes the server got rid of.
    pub(super) fn written(&self) -> usize {
        self.shared.written.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn converse(&self, mut stream: TcpStream) {
        while let Some(request) = read_request(&mut stream) {
            let answer = {
                let mut requests = self.requests.lock().unwrap();
                let turn = requests.len().min(self.answers.len() - 1);
                requests.push(request);
                self.answers[turn].clone()
            };
            let open = match answer {
                Answer::Say(bytes) => self.write(&mut stream, &bytes),
                Answer::SayAndClose(bytes) => {
                    self.write(&mut stream, &bytes);
                    false
                }
                Answer::Drip(bytes, pause) => bytes.iter().all(|byte| {
                    thread::sleep(pause);
                    self.write(&mut stream, &[*byte])
                }),
                Answer::Endless(head) => {
                    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4_096));
                    let mut open = self.write(&mut stream, &head);
                    while open {
                        open = self.write(&mut stream, chunk.as_bytes());
                    }
                    false
                }
                Answer::Silence => {
                    let _ = stream.read(&mut [0]);
                    false
                }
            };
            if !open {
                return;
            }
        }
    }

    fn write(&self, stream: &mut TcpStream, bytes: &[u8]) -> bool {
        let written = stream.write_all(bytes).is_ok();
        if written {
            self.written.fetch_add(bytes.len(), Ordering::SeqCst);
        }
        written
    }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).ok()?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).ok()?)
}
