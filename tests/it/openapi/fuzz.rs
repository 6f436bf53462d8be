//! Requests made from the document, right and broken, by dice that always fall the same way.

use kakao_gate::emulator::{CLIENT_SECRET, REST_API_KEY};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::api;
use crate::stage::contract::{self, Operation, contract};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, raw};

/// What the dice begin with. Another one is another several hundred requests.
const SEED: [u8; 32] = *b"kakao-gate: API, by its document";

/// For each operation.
const REQUESTS: usize = 60;

/// In everything that is sent, and in nothing that is answered.
const MARK: &str = "zq7mark";

/// What somebody holds who asks.
struct Pocket {
    access: String,
    refresh: String,
    kakao: String,
    cookie: String,
    csrf: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credential {
    Nothing,
    Ours,
    Kakaos,
    Refresh,
    Junk,
    Two,
    Long,
    Basic,
    NotText,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    Missing,
    Extra,
    WrongType,
    Null,
    Huge,
    Odd,
    Twice,
    Cut,
    NoJson,
    Empty,
    Deep,
    NotText,
    List,
}

#[derive(Clone, Debug)]
struct Dice {
    method: Option<&'static str>,
    credential: Credential,
    cookie: usize,
    broken: Broken,
    kind: Option<&'static str>,
    query: usize,
    accept: &'static str,
    site: &'static str,
    odd: String,
    wrong: usize,
}

fn dice() -> impl Strategy<Value = Dice> {
    use Broken::{
        Cut, Deep, Empty, Extra, Huge, List, Missing, NoJson, NotText, Null, Odd, Twice, WrongType,
    };
    use Credential as C;
    let method = prop_oneof![
        8 => Just(None),
        1 => select(vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW"]).prop_map(Some),
    ];
    let credential = select(vec![
        C::Nothing,
        C::Ours,
        C::Ours,
        C::Kakaos,
        C::Refresh,
        C::Junk,
        C::Two,
        C::Long,
        C::Basic,
        C::NotText,
    ]);
    let broken = prop_oneof![
        2 => Just(Broken::Nothing),
        5 => select(vec![
            Missing, Extra, WrongType, Null, Huge, Odd, Twice, Cut, NoJson, Empty, Deep, NotText, List,
        ]),
    ];
    let kind = prop_oneof![
        4 => Just(None),
        1 => select(vec![
            "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
            "application/json; charset=utf-16", "application/jsonx", "zq7mark/zq7mark",
        ])
        .prop_map(Some),
    ];
    let odd = prop_oneof![
        any::<String>(),
        select(vec![
            "\r\nSet-Cookie: zq7mark=1",
            "\u{0}zq7mark",
            "\u{202e}\u{feff}zq7mark",
            "가나다😀zq7mark",
            "<script>zq7mark</script>",
            "' OR 1=1; -- zq7mark",
            "%00%0d%0azq7mark",
            "../../zq7mark",
        ])
        .prop_map(str::to_owned),
    ];
    let accept = select(vec!["*/*", "application/json", "text/html", "zq7mark/*"]);
    let site = select(vec!["same-origin", "cross-site", "none", "zq7mark"]);
    let first = (method, credential, 0..3_usize, broken, kind);
    (first, (0..5_usize, accept, site, odd, 0..6_usize)).prop_map(
        |((method, credential, cookie, broken, kind), (query, accept, site, odd, wrong))| Dice {
            method,
            credential,
            cookie,
            broken,
            kind,
            query,
            accept,
            site,
            odd,
            wrong,
        },
    )
}

impl Dice {
    fn method(&self, operation: &Operation<'_>) -> Method {
        match self.method {
            Some(method) => method.parse().unwrap(),
            None => operation.method.clone(),
        }
    }

    /// Where tokens stand that belong in a header, and more.
    fn path(&self, operation: &Operation<'_>, pocket: &Pocket) -> String {
        let parts = operation.path.split('/');
        let parts = parts.map(|part| if part.starts_with('{') { MARK } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        let query = match self.query {
            0 | 1 => String::new(),
            2 => format!("?access_token={}&{MARK}={MARK}", pocket.access),
            3 => format!("?role={MARK}%00%0d%0a&role=owner"),
            _ => format!("?{}", MARK.repeat(600)),
        };
        path + &query
    }

    fn authorization(&self, pocket: &Pocket) -> Vec<Vec<u8>> {
        let bearer = |token: &str| format!("Bearer {token}").into_bytes();
        match self.credential {
            Credential::Nothing => vec![],
            Credential::Ours => vec![bearer(&pocket.access)],
            Credential::Kakaos => vec![bearer(&pocket.kakao)],
            Credential::Refresh => vec![bearer(&pocket.refresh)],
            Credential::Junk => vec![bearer(&format!("{MARK}.{MARK}.{MARK}"))],
            Credential::Two => vec![bearer(&pocket.access), bearer(MARK)],
            Credential::Long => vec![bearer(&MARK.repeat(9 * 1024 / MARK.len()))],
            Credential::Basic => vec![format!("Basic {MARK}").into_bytes()],
            Credential::NotText => vec![b"Bearer zq7mark\xff\xfe".to_vec()],
        }
    }

    /// The body with whatever is wrong with it.
    fn body(&self, operation: &Operation<'_>, pocket: &Pocket) -> (String, Vec<u8>) {
        let content = operation.value["requestBody"]["content"].as_object();
        let (kind, schema) = content
            .and_then(|content| content.iter().next())
            .map_or(("application/json", &Value::Null), |(kind, content)| {
                (kind.as_str(), resolved(&content["schema"]))
            });
        let mut fields = right(schema, pocket);
        let first = fields.keys().next().cloned();
        let first = first.unwrap_or_else(|| MARK.to_owned());
        let set = |mut fields: Map<String, Value>, value: Value| {
            fields.insert(first.clone(), value);
            fields
        };
        let wrong = [
            json!(7),
            json!(true),
            json!([MARK]),
            json!({ MARK: MARK }),
            json!(1e300),
            json!(""),
        ];
        fields = match self.broken {
            Broken::Missing => {
                fields.remove(&first);
                fields
            }
            Broken::Extra => {
                fields.insert("role".to_owned(), json!("owner"));
                fields
            }
            Broken::WrongType => set(fields, wrong[self.wrong].clone()),
            Broken::Null => set(fields, Value::Null),
            Broken::Huge => set(fields, json!(MARK.repeat(3_000))),
            Broken::Odd => set(fields, json!(self.odd)),
            _ => fields,
        };
        let is_form = kind.contains("urlencoded");
        let text = if is_form {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &fields {
                form.append_pair(name, value.as_str().unwrap_or(MARK));
            }
            form.finish()
        } else {
            Value::Object(fields).to_string()
        };
        let bytes = match self.broken {
            Broken::Twice if is_form => format!("{text}&{text}").into_bytes(),
            Broken::Twice => text
                .replacen('{', &format!("{{\"{first}\":\"{MARK}\","), 1)
                .into_bytes(),
            Broken::Cut => text.as_bytes()[..text.len() / 2].to_vec(),
            Broken::NoJson => MARK.as_bytes().to_vec(),
            Broken::Empty => vec![],
            Broken::Deep => "[".repeat(9_000).into_bytes(),
            Broken::NotText => [text.as_bytes(), b"\xff\x00\xfe"].concat(),
            Broken::List => format!("[{text}]").into_bytes(),
            _ => text.into_bytes(),
        };
        (self.kind.unwrap_or(kind).to_owned(), bytes)
    }
}

/// What the document says a body has.
fn right(schema: &Value, pocket: &Pocket) -> Map<String, Value> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let fields = properties.map(|(name, property)| {
        let value = match name.as_str() {
            "refresh_token" => json!(pocket.refresh),
            "csrf" => json!(pocket.csrf),
            _ if property["type"] == "integer" => json!(1),
            _ if property["type"] == "boolean" => json!(true),
            _ if property["type"] == "array" => json!([MARK]),
            _ => json!(MARK),
        };
        (name.clone(), value)
    });
    fields.collect()
}

fn resolved(schema: &Value) -> &Value {
    let target = schema["$ref"].as_str().map(|target| &target[1..]);
    target.map_or(schema, |target| {
        contract().document.pointer(target).unwrap()
    })
}

async fn pocket(app: &TestApp) -> Pocket {
    let (access, _) = api::taken(app, "linked").await;
    let (_, refresh) = api::taken(app, "ordinary").await;
    let kakao = api::kakao_gives(app, "minimal", (REST_API_KEY, CLIENT_SECRET)).await;
    let (browser, _) = app.signed_in("long-id").await;
    let csrf = browser.get("/me").await.csrf();
    let cookie = browser.cookie("kg-session").unwrap();
    Pocket {
        access,
        refresh,
        kakao: kakao["access_token"].as_str().unwrap().to_owned(),
        cookie: format!("kg-session={cookie}"),
        csrf,
    }
}

// AP-2, AP-3, AP-9, AP-10
#[test]
fn whatever_is_sent_the_answer_is_documented_and_repeats_none_of_it() {
    Stage::default().once(async |app| {
        let pocket = pocket(app).await;
        let client = app.visitor().client;
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &SEED);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let (mut sent, mut taken) = (0, 0);
        for operation in contract().operations() {
            for _ in 0..REQUESTS {
                let dice = dice().new_tree(&mut runner).unwrap().current();
                let what = format!("{} after {sent} of {SEED:?}: {dice:?}", operation.id());
                println!("{what}");
                let page = answer(app, &client, &operation, &dice, &pocket).await;
                sent += 1;
                taken += usize::from(page.status < 300);
                judge(&operation, &dice, &page, &what);
            }
        }
        assert!(sent >= 600 && taken >= 100, "{taken} of {sent}");
        // Whoever was not in the pocket of anybody is not there, and nothing has changed hands.
        assert_eq!(app.count("members WHERE role <> 'member'").await, 0);
    });
}

async fn answer(
    app: &TestApp,
    client: &reqwest::Client,
    operation: &Operation<'_>,
    dice: &Dice,
    pocket: &Pocket,
) -> Page {
    let (method, path) = (dice.method(operation), dice.path(operation, pocket));
    let (kind, body) = dice.body(operation, pocket);
    let mut request = client
        .request(method.clone(), format!("{}{path}", app.url))
        .header("accept", dice.accept)
        .header("sec-fetch-site", dice.site)
        .header("user-agent", MARK);
    for value in dice.authorization(pocket) {
        request = request.header("authorization", value);
    }
    request = match dice.cookie {
        0 => request,
        1 => request.header("cookie", format!("kg-session={MARK}; kg-lang={MARK}")),
        _ => request.header("cookie", &pocket.cookie),
    };
    let bodiless = [Method::GET, Method::HEAD].contains(&method);
    if !bodiless {
        request = request.header("content-type", kind).body(body);
    }
    let page = Page::read(request.send().await.unwrap()).await;
    contract::hold(&method, &path, &page);
    page
}

fn judge(operation: &Operation<'_>, dice: &Dice, page: &Page, what: &str) {
    assert!(page.status < 500, "{}: {what}", page.body);
    let is_page = operation.path == "/forward-auth" && dice.accept == "text/html";
    if !is_page {
        let kind = page.header("content-type");
        assert!(!kind.contains("html") && !page.body.contains('<'), "{what}");
    }
    let headers = format!("{:?}", page.headers);
    if page.status >= 300 {
        assert!(!page.body.contains(MARK), "{}: {what}", page.body);
    }
    // Where somebody is who is let in as themselves, the name that they gave themselves is shown.
    assert!(!headers.contains(MARK), "{headers}: {what}");
    // What is public may be read by every page.
    let public = operation.path.starts_with("/.well-known/") || operation.path == "/openapi.json";
    let readers = if public { "*" } else { "" };
    assert_eq!(
        page.header("access-control-allow-origin"),
        readers,
        "{what}"
    );
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{what}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{what}");
    // A token counts in its header, alone, and nowhere else.
    let needs = &operation.value["security"][0];
    if needs["accessToken"].is_array() && dice.credential != Credential::Ours {
        assert!(page.status >= 400, "{}: {what}", page.body);
    }
    if needs["session"].is_array() && dice.cookie != 2 {
        assert!(page.status >= 300, "{}: {what}", page.body);
    }
}

// AP-2
#[test]
fn what_is_no_http_is_refused_at_the_door_without_a_word_of_it() {
    Stage::default().once(async |app| {
        for operation in contract().operations() {
            for line in [
                "Authorization: Bearer zq7mark\u{0}",
                "Authorization: Bearer zq7mark\rzq7mark",
                "Author ization: zq7mark",
                "Content-Length: zq7mark",
                "Content-Length: 5\r\nContent-Length: 6",
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
            ] {
                let head = format!(
                    "{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}\r\n\r\n",
                    operation.method, operation.path
                );
                let answer = raw::exchange(app.address(), head.into_bytes()).await;
                let status = answer.split(' ').nth(1).unwrap_or_default();
                let refused = ["", "400", "401", "415"].contains(&status);
                let open = operation.method == "GET" && status == "200";
                assert!(refused || open, "{line:?}: {answer}");
                assert!(
                    !answer.contains("zq7mark") && !answer.contains("<html"),
                    "{answer}"
                );
            }
        }
    });
}
