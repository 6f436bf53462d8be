//! Addresses of this machine that nobody else uses.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use kakao_gate::random::Random;

/// A loopback address for one server of one story. Stories that stop a server and start it again
/// on the same port cannot lose that port to each other then.
pub fn own_address() -> Ipv4Addr {
    let [a, b, c] = Random::system().bytes::<3>().unwrap();
    Ipv4Addr::new(127, a.clamp(1, 254), b, c.clamp(1, 254))
}

/// An address at which nobody listens as long as this lives.
pub struct ClosedPort {
    address: SocketAddr,
    _bound: tokio::net::TcpSocket,
}

impl ClosedPort {
    /// Binds without listening: whoever connects is refused.
    pub fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        Self {
            address: socket.local_addr().unwrap(),
            _bound: socket,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A port of one server, which nobody else is given as long as this lives, even while the server
/// is down.
pub struct OwnPort {
    address: SocketAddr,
    _bound: tokio::net::TcpSocket,
}

impl OwnPort {
    /// Binds without listening, and lets others bind beside it who name the port.
    pub fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        Self {
            address: socket.local_addr().unwrap(),
            _bound: socket,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens there.
    pub fn listener(&self) -> TcpListener {
        TcpListener::bind(self.address).unwrap()
    }
}

/// A place where nobody should ever call.
pub struct Bystander(TcpListener);

impl Bystander {
    pub fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub fn url(&self) -> String {
        format!("http://{}/elsewhere", self.0.local_addr().unwrap())
    }

    /// Whether somebody called.
    pub fn was_called(&self) -> bool {
        self.0.accept().is_ok()
    }
}
