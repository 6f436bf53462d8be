//! The member list at one thousand, one hundred thousand and one million members: every order,
//! every filter, searches for what is rare and for what is common, and the last page. What is
//! measured is what a page asks the store for: the count and the rows, in one hop.

use std::time::{Duration, Instant};

use kakao_gate::clock::Clock;
use kakao_gate::config::{Config, Environment};
use kakao_gate::emulator::{APP_ID, CLIENT_SECRET, REST_API_KEY};
use kakao_gate::member::{Provider, Role, StandingKind};
use kakao_gate::random::Random;
use kakao_gate::seed;
use kakao_gate::store::directory::{self, Count, Filter, Order, Sort};
use kakao_gate::store::{self, Store};
use kakao_gate::vault::Vault;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

/// Times that each view is asked for.
const ROUNDS: usize = 200;

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// The newest first: what the list opens with.
const NEWEST: Sort = Sort {
    by: Order::Joined,
    descending: true,
};

/// A page of the list.
struct View {
    name: String,
    filter: Filter,
    sort: Sort,
    deep: bool,
}

/// Prints a table for each database that there is.
pub(crate) async fn lists() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = |size| format!("sqlite://{}/{size}.db", folder.path().display());
    table("SQLite", sqlite).await;
    #[expect(
        clippy::disallowed_methods,
        reason = "benchmarks are told by the environment"
    )]
    let server = std::env::var("TEST_DATABASE_URL").ok();
    if let Some(server) = server {
        let schema = |size| format!("{server}?options=-csearch_path%3Dmembers_{size}");
        for size in SIZES {
            let reset = format!("DROP SCHEMA IF EXISTS members_{size} CASCADE");
            execute(&server, &reset);
            execute(&server, &format!("CREATE SCHEMA members_{size}"));
        }
        table("PostgreSQL", schema).await;
        for size in SIZES {
            execute(&server, &format!("DROP SCHEMA members_{size} CASCADE"));
        }
    }
}

pub(crate) fn execute(server: &str, sql: &str) {
    use diesel::connection::{Connection as _, SimpleConnection as _};
    let mut connection = diesel::PgConnection::establish(server).unwrap();
    connection.batch_execute(sql).unwrap();
}

async fn table(database: &str, url: impl Fn(usize) -> String) {
    let now = Clock::system().now();
    let mut stores = Vec::new();
    for size in SIZES {
        let config = config(&url(size));
        let vault = Vault::new(&config.secret_keys).unwrap();
        store::migrate(&config.database, &vault).unwrap();
        if seed::count(&config.database).unwrap() == 0 {
            let people = seed::people(size, now, 1);
            seed::add(&config.database, APP_ID, None, people, |_| {}).unwrap();
        }
        stores.push(Store::open(&config.database, 4));
    }
    println!(
        "\n{database}, ms: p50 / p95 / p99 | 1 thousand | 100 thousand | 1 million | p95 ratio"
    );
    println!("--- | --- | --- | --- | ---");
    for view in views(now) {
        let mut line = vec![view.name.clone()];
        let mut tails = Vec::new();
        for store in &stores {
            let times = measure(store, &view).await;
            let [half, most, nearly_all] = [50, 95, 99].map(|part| times[ROUNDS * part / 100]);
            let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
            line.push(format!(
                "{:.2} / {:.2} / {:.2}",
                ms(half),
                ms(most),
                ms(nearly_all)
            ));
            tails.push(most.as_secs_f64());
        }
        line.push(format!("{:.1}", tails[2] / tails[0]));
        println!("{}", line.join(" | "));
    }
}

async fn measure(store: &Store, view: &View) -> Vec<Duration> {
    let mut times = Vec::new();
    for round in 0..=ROUNDS {
        let (filter, sort, deep) = (view.filter.clone(), view.sort, view.deep);
        let began = Instant::now();
        let rows = store.read(move |connection| {
            let count = match directory::count(connection, &filter)? {
                Count::Exactly(count) => count,
                Count::Many => directory::COUNT_CAP,
            };
            let offset = if deep { (count - 1) / 20 * 20 } else { 0 };
            directory::list(connection, &filter, sort, offset, 20)
        });
        rows.await.unwrap();
        // The first one warms up.
        if round > 0 {
            times.push(began.elapsed());
        }
    }
    times.sort_unstable();
    times
}

fn views(now: OffsetDateTime) -> Vec<View> {
    let mut views = vec![view("as it opens", Filter::default())];
    for (by, name) in [
        (Order::Number, "number"),
        (Order::Name, "name"),
        (Order::Joined, "joined"),
        (Order::Seen, "last login"),
    ] {
        for (descending, way) in [(false, "up"), (true, "down")] {
            views.push(View {
                sort: Sort { by, descending },
                ..view(&format!("by {name}, {way}"), Filter::default())
            });
        }
    }
    for kind in StandingKind::ALL {
        views.push(view(
            kind.code(),
            Filter {
                standings: vec![kind],
                ..Filter::default()
            },
        ));
    }
    for one in Provider::ALL {
        views.push(view(
            one.code(),
            Filter {
                providers: vec![one],
                ..Filter::default()
            },
        ));
    }
    for role in Role::ALL {
        views.push(view(
            role.code(),
            Filter {
                roles: vec![role],
                ..Filter::default()
            },
        ));
    }
    let since = |days| Filter {
        joined_from: Some(now - time::Duration::days(days)),
        ..Filter::default()
    };
    let named = |part: &str| Filter {
        name: Some(part.to_owned()),
        ..Filter::default()
    };
    let suspended = vec![StandingKind::Suspended];
    views.extend([
        view("joined today", since(1)),
        view("joined in 30 days", since(30)),
        View {
            sort: by_name(),
            ..view("joined today, by name", since(1))
        },
        View {
            sort: by_name(),
            ..view("joined in 30 days, by name", since(30))
        },
        view("name, one in five (김)", named("김")),
        View {
            sort: by_name(),
            ..view("the same, by name", named("김"))
        },
        view("name, one in forty (민)", named("민")),
        view("name, one in 500 (김민)", named("김민")),
        view("name, rare (남궁민)", named("남궁민")),
        view("name, of nobody (쀍)", named("쀍")),
        view(
            "number",
            Filter {
                number: Some(500),
                ..Filter::default()
            },
        ),
        view(
            "email",
            Filter {
                email: Some("nobody@example.com".into()),
                ..Filter::default()
            },
        ),
        view(
            "suspended and named 김",
            Filter {
                standings: suspended.clone(),
                ..named("김")
            },
        ),
        view(
            "withdrawn and named 김: nobody",
            Filter {
                standings: vec![StandingKind::Withdrawn],
                ..named("김")
            },
        ),
        view(
            "active, Kakao, 30 days, named 민",
            Filter {
                standings: vec![StandingKind::Active],
                providers: vec![Provider::Kakao],
                name: Some("민".into()),
                ..since(30)
            },
        ),
        View {
            sort: by_name(),
            ..view(
                "suspended or active, by name",
                Filter {
                    standings: vec![StandingKind::Suspended, StandingKind::Active],
                    ..Filter::default()
                },
            )
        },
    ]);
    for (name, filter) in [
        ("last page of 10,000", Filter::default()),
        (
            "last page, suspended",
            Filter {
                standings: suspended,
                ..Filter::default()
            },
        ),
        ("last page, named 김", named("김")),
        ("last page, named 김민", named("김민")),
    ] {
        views.push(View {
            sort: by_name(),
            deep: true,
            ..view(name, filter)
        });
    }
    views
}

fn by_name() -> Sort {
    Sort {
        by: Order::Name,
        descending: false,
    }
}

fn view(name: &str, filter: Filter) -> View {
    View {
        name: name.to_owned(),
        filter,
        sort: NEWEST,
        deep: false,
    }
}

fn config(database: &str) -> Config {
    let key = Random::system().bytes::<64>().unwrap();
    let settings = [
        ("SECRET_KEY", STANDARD.encode(key)),
        ("DATABASE_URL", database.to_owned()),
        ("KAKAO_REST_API_KEY", REST_API_KEY.to_owned()),
        ("KAKAO_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ("KAKAO_APP_ID", APP_ID.to_string()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let environment: Environment = settings.into_iter().collect();
    environment.read().unwrap().0
}
