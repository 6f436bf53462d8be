//! A real nginx or Caddy in front of the service and of a site, with the very files of `deploy/`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::backends::left_out;
use super::program::free_address;

/// Longer than a start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that stands in front; killed when dropped.
pub struct Front {
    pub address: SocketAddr,
    _folder: TempDir,
    process: Child,
}

impl Front {
    /// nginx at `address`, in front of the service and the site. Nothing where it is not
    /// installed: said, and refused under CI.
    pub fn nginx(address: SocketAddr, gate: SocketAddr, site: &Site) -> Option<Self> {
        Self::nginx_with(address, gate, site.address, "")
    }

    /// The same in front of the static site of `docs/integrate/site`, which nginx serves too.
    pub fn nginx_with_files(address: SocketAddr, gate: SocketAddr) -> Option<Self> {
        let site = free_address();
        let files = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/integrate/site/public");
        let places = [
            ("127.0.0.1:3000", site.to_string()),
            ("/srv/site", files.to_owned()),
        ];
        let more = include_str!("../../../docs/integrate/site/site.conf");
        Self::nginx_with(address, gate, site, &placed(more, &places))
    }

    fn nginx_with(
        address: SocketAddr,
        gate: SocketAddr,
        site: SocketAddr,
        more: &str,
    ) -> Option<Self> {
        // Debian keeps it where only administrators look.
        let program = installed(&["nginx", "/usr/sbin/nginx"], "-v", "nginx")?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        let (gate, site) = (gate.to_string(), site.to_string());
        let plain = free_address();
        let places = [
            ("/etc/nginx/kakao-gate/", format!("{path}/")),
            ("127.0.0.1:8080", gate),
            ("127.0.0.1:3000", site),
            ("listen 80;", format!("listen {plain};")),
            ("listen 443 ssl;", format!("listen {address};")),
            (
                "    ssl_certificate /etc/ssl/www.example.com.pem;\n",
                String::new(),
            ),
            (
                "    ssl_certificate_key /etc/ssl/private/www.example.com.key;\n",
                String::new(),
            ),
            ("www.example.com", address.ip().to_string()),
        ];
        let main = placed(
            include_str!("../../../deploy/nginx/kakao-gate.conf"),
            &places,
        );
        let frame = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}\n\
             http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy; \
             fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
             types {{ text/html html; }}\n{main}{more}}}\n"
        );
        for (name, text) in [
            ("nginx.conf", frame.as_str()),
            ("ask.conf", include_str!("../../../deploy/nginx/ask.conf")),
            (
                "forward-auth.conf",
                include_str!("../../../deploy/nginx/forward-auth.conf"),
            ),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut command = Command::new(program);
        command.args(["-e", "stderr", "-p", &path, "-c", "nginx.conf"]);
        Some(Self::start(command, address, folder))
    }

    /// The same with Caddy.
    pub fn caddy(address: SocketAddr, gate: SocketAddr, site: &Site) -> Option<Self> {
        let program = installed(&["caddy"], "version", "Caddy")?;
        let folder = tempfile::tempdir().unwrap();
        let places = [
            ("127.0.0.1:8080", gate.to_string()),
            ("127.0.0.1:3000", site.address.to_string()),
            ("\nwww.example.com {", format!("\nhttp://{address} {{")),
        ];
        let main = placed(include_str!("../../../deploy/caddy/Caddyfile"), &places);
        // Its own console would be on a port that somebody else may have.
        let text = format!("{{\n\tadmin off\n}}\n{main}");
        std::fs::write(folder.path().join("Caddyfile"), text).unwrap();
        let mut command = Command::new(program);
        command
            .args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"])
            .env("HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path());
        Some(Self::start(command, address, folder))
    }

    fn start(mut command: Command, address: SocketAddr, folder: TempDir) -> Self {
        let process = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut front = Self {
            address,
            _folder: folder,
            process: process.unwrap(),
        };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = front.process.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            assert!(began.elapsed() < PATIENCE, "{command:?} does not start");
            thread::sleep(Duration::from_millis(10));
        }
        front
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The first of these programs that is there.
pub fn installed<'a>(names: &[&'a str], version: &str, what: &str) -> Option<&'a str> {
    let runs = |name: &&&str| Command::new(**name).arg(version).output().is_ok();
    let found = names.iter().find(runs).copied();
    if found.is_none() {
        left_out(&format!("{what} (not in PATH)"));
    }
    found
}

/// A file of `deploy/` with the addresses of a story in the place of its own.
fn placed(text: &str, places: &[(&str, String)]) -> String {
    let put = |text: String, (from, to): &(&str, String)| {
        assert!(text.contains(from), "{from} is not there");
        text.replace(from, to)
    };
    places.iter().fold(text.to_owned(), put)
}

/// A site that answers everything with what it was asked, and remembers it.
pub struct Site {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Site {
    /// Opens for as long as the process lives.
    pub fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || answer(stream, &kept));
            }
        });
        Self { address, heads }
    }

    /// The heads of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The values that the latest request had for a header, as a site reads it that takes `_` for
    /// `-`, as CGI does.
    pub fn told(&self, name: &str) -> Vec<String> {
        let head = self.asked().pop().expect("a request");
        let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
        fields
            .filter(|(found, _)| plain(found) == name)
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }
}

fn answer(mut stream: TcpStream, kept: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        // Nothing comes of somebody who only looks whether anybody is here.
        if !reader.read_line(&mut head).is_ok_and(|read| read > 0) {
            return;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().unwrap())
    });
    // What is left unread when a connection is closed can take the answer with it.
    let mut body = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    kept.lock().unwrap().push(head);
    let _ = stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\nConnection: close\r\n\r\nthe site",
    );
}
