//! A wire between the service and a server, which a story can freeze, cut or take away.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use url::Url;

use super::loopback::own_address;

/// How often the proxy looks for new connections.
const LOOK: Duration = Duration::from_millis(2);

/// A proxy in front of one server; ends with it.
pub struct Proxy {
    address: SocketAddr,
    wire: Arc<Wire>,
}

struct Wire {
    upstream: SocketAddr,
    state: Mutex<State>,
    thawed: Condvar,
}

struct State {
    /// `None`: connections are refused.
    listener: Option<TcpListener>,
    frozen: bool,
    ended: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// A proxy in front of the server that `url` names.
    pub fn to(url: &str) -> Self {
        let url = Url::parse(url).unwrap();
        let port = url.port().unwrap_or(match url.scheme() {
            "redis" => 6_379,
            _ => 5_432,
        });
        let mut addresses = (url.host_str().unwrap(), port).to_socket_addrs().unwrap();
        let listener = TcpListener::bind((own_address(), 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Wire {
            upstream: addresses.next().unwrap(),
            state: Mutex::new(State {
                listener: Some(listener),
                frozen: false,
                ended: false,
                streams: Vec::new(),
            }),
            thawed: Condvar::new(),
        });
        let accepting = Arc::clone(&wire);
        thread::spawn(move || accepting.accept());
        Self { address, wire }
    }

    /// `url` with the proxy in the server's place.
    pub fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).unwrap();
        url.set_host(Some(&self.address.ip().to_string())).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.into()
    }

    /// Accepts everything and forwards nothing, neither on old connections nor on new ones.
    pub fn freeze(&self) {
        self.wire.state().frozen = true;
    }

    /// Goes on where [`Proxy::freeze`] stopped; nothing is lost.
    pub fn thaw(&self) {
        self.wire.state().frozen = false;
        self.wire.thawed.notify_all();
    }

    /// Closes every connection. New ones are fine.
    pub fn cut(&self) {
        self.wire.state().cut();
    }

    /// Closes every connection and refuses new ones.
    pub fn refuse(&self) {
        let mut state = self.wire.state();
        state.listener = None;
        state.cut();
    }

    /// Ends [`Proxy::refuse`].
    pub fn admit(&self) {
        let listener = TcpListener::bind(self.address).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.wire.state().listener = Some(listener);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.wire.state();
        state.ended = true;
        state.frozen = false;
        state.listener = None;
        state.cut();
        self.wire.thawed.notify_all();
    }
}

impl State {
    fn cut(&mut self) {
        for stream in self.streams.drain(..) {
            // It may have been closed by its own end.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn accept(self: Arc<Self>) {
        while !self.state().ended {
            let accepted = self.state().listener.as_ref().map(TcpListener::accept);
            match accepted {
                Some(Ok((client, _))) => self.connect(client),
                _ => thread::sleep(LOOK),
            }
        }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        client.set_nonblocking(false).unwrap();
        // A client whose server is not there finds its connection closed.
        let Ok(server) = TcpStream::connect(self.upstream) else {
            return;
        };
        let ends = [(&client, &server), (&server, &client)];
        for (from, to) in ends {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            from.set_nodelay(true).unwrap();
            let wire = Arc::clone(self);
            thread::spawn(move || wire.pump(from, to));
        }
        self.state().streams.extend([client, server]);
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut chunk = [0; 16 * 1_024];
        while let Ok(read @ 1..) = from.read(&mut chunk) {
            let state = self.thawed.wait_while(self.state(), |state| state.frozen);
            drop(state.unwrap());
            if to.write_all(&chunk[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}
