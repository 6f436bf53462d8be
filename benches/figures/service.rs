//! Kakao Gate as it is installed, with the emulator for Kakao.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kakao_gate::app::{self, Running, Surroundings};
use kakao_gate::config::Environment;
use kakao_gate::emulator::{
    APP_ID, CLIENT_SECRET, Consent, Emulator, Person, REST_API_KEY, Settings,
};
use kakao_gate::random::Random;
use tempfile::TempDir;

use super::wire::Wire;

/// People who sign in, again and again.
pub(crate) const PEOPLE: usize = 200;

/// A running service.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) emulator: Emulator,
    running: Running,
    _folder: TempDir,
}

/// An emulator for a service at `address`, with people.
pub(crate) fn emulator(address: SocketAddr) -> Emulator {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let settings = Settings::seeded(&format!("http://{address}"));
    let emulator = Emulator::start(listener, settings).unwrap();
    for number in 0..PEOPLE {
        let person = Person::named(&person(number), "벤치");
        emulator.world().add_person(person);
    }
    emulator
}

/// The key of a person.
pub(crate) fn person(number: usize) -> String {
    format!("person-{}", number % PEOPLE)
}

/// The settings of a service at `address` that keeps its database in `folder`.
pub(crate) fn settings(
    address: SocketAddr,
    emulator: &str,
    folder: &TempDir,
) -> BTreeMap<String, String> {
    let key = Random::system().bytes::<64>().unwrap();
    let database = folder.path().join("gate.db");
    let settings = [
        ("BIND", address.to_string()),
        ("PUBLIC_URL", format!("http://{address}")),
        ("SECRET_KEY", STANDARD.encode(key)),
        ("DATABASE_URL", format!("sqlite://{}", database.display())),
        ("KAKAO_AUTH_URL", emulator.to_owned()),
        ("KAKAO_API_URL", emulator.to_owned()),
        ("KAKAO_REST_API_KEY", REST_API_KEY.to_owned()),
        ("KAKAO_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ("KAKAO_APP_ID", APP_ID.to_string()),
        ("RATE_LOGIN_STARTS", "0".to_owned()),
    ];
    settings
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings of its own.
    pub(crate) async fn start_with(changes: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let emulator = emulator(address);
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(address, emulator.url(), &folder);
        for (name, value) in changes {
            settings.insert((*name).to_owned(), (*value).to_owned());
        }
        let environment: Environment = settings.into_iter().collect();
        let (config, _) = environment.read().unwrap();
        let surroundings = Surroundings::default();
        Self {
            address,
            emulator,
            running: app::start(config, surroundings, listener).await.unwrap(),
            _folder: folder,
        }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
        self.emulator.stop().await;
    }
}

/// An access token of ours, for what Kakao gave the person who signed in last.
pub(crate) async fn access_token(service: &Service) -> String {
    let world = service.emulator.world();
    let id = world.user_id(&person(0)).unwrap();
    let kakaos = world.live_access_tokens(id).remove(0);
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("http://{}/api/v1/auth/kakao", service.address))
        .bearer_auth(kakaos)
        .send()
        .await
        .unwrap();
    let body: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

/// A whole login: the start, the person at Kakao, the callback. Answers the session cookie.
pub(crate) async fn log_in(wire: &mut Wire, emulator: &Emulator, number: usize) -> String {
    let begun = wire.get("/auth/kakao?next=/me", "").await;
    assert_eq!(begun.status, 303);
    let back = emulator.authorize(&begun.location, &person(number), Consent::All);
    let path = back
        .find("/auth/")
        .map(|start| &back[start..])
        .expect(&back);
    let done = wire.get(path, &begun.cookies.join("; ")).await;
    assert_eq!((done.status, done.location.as_str()), (303, "/me"));
    done.cookies.join("; ")
}
