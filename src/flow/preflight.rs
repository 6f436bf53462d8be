//! Whether Kakao takes our settings, asked before anybody signs in: what a call without a person
//! can find out, and plainly what it cannot.

use crate::config::{Koe, console};
use crate::i18n::Lang;
use crate::kakao::{Code, ConsentItem, Error, Kakao, Kind, Stopped};
use crate::member::KakaoId;

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Kakao takes it.
    Good,
    /// Kakao refuses it.
    Wrong,
    /// Kakao did not answer, or not with anything to go by.
    Unanswered,
    /// Nobody can tell from here.
    Open,
}

impl State {
    /// A stable word for it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Wrong => "wrong",
            Self::Unanswered => "unanswered",
            Self::Open => "open",
        }
    }

    /// Whether the service can be expected to work as far as this goes.
    #[must_use]
    pub fn is_fine(self) -> bool {
        matches!(self, Self::Good | Self::Open)
    }
}

/// One thing that was looked at. Holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub about: &'static str,
    /// How it stands.
    pub state: State,
    /// Kakao's code for it.
    pub code: Option<String>,
    /// In words, for operators.
    pub says: String,
    /// What belongs there.
    pub value: Option<String>,
    /// Where in Kakao's console.
    pub menu: Option<&'static str>,
}

impl Finding {
    fn new(about: &'static str, state: State, says: impl Into<String>) -> Self {
        Self {
            about,
            state,
            code: None,
            says: says.into(),
            value: None,
            menu: None,
        }
    }

    fn good(about: &'static str, says: impl Into<String>) -> Self {
        Self::new(about, State::Good, says)
    }

    fn wrong(about: &'static str, says: impl Into<String>) -> Self {
        Self::new(about, State::Wrong, says)
    }

    fn open(about: &'static str, says: impl Into<String>) -> Self {
        Self::new(about, State::Open, says)
    }

    fn at(self, menu: &'static str) -> Self {
        Self {
            menu: Some(menu),
            ..self
        }
    }

    fn value(self, value: impl Into<String>) -> Self {
        Self {
            value: Some(value.into()),
            ..self
        }
    }

    /// Refused with a KOE code.
    fn koe(about: &'static str, number: u16) -> Self {
        let known = Koe::find(number);
        let words = known.map(|koe| koe.words(Lang::En.texts()));
        let words = words.unwrap_or("Kakao gives a code that this version does not know.");
        Self {
            code: Some(Code::Koe(number).to_string()),
            menu: known.and_then(|koe| koe.menu),
            ..Self::wrong(about, words)
        }
    }

    /// A call that failed for another reason than the one that was looked for.
    fn failed(about: &'static str, error: &Error) -> Self {
        let code = error.code.map(|code| code.to_string());
        if let Some(Code::Koe(number)) = error.code
            && number != 3
        {
            return Self::koe(about, number);
        }
        let (state, says) = match &error.kind {
            Kind::Limited { .. } => (State::Wrong, "too many calls: the quota is used up"),
            Kind::Sanctioned => (
                State::Wrong,
                "Kakao has restricted the app or its developer; write to Kakao",
            ),
            Kind::BadClient => (State::Wrong, "Kakao refuses our key or our address"),
            Kind::Configuration => (State::Wrong, "Kakao refuses the call"),
            _ => (State::Unanswered, "Kakao did not answer as it should"),
        };
        Self {
            code,
            says: format!("{says} ({error})"),
            ..Self::new(about, state, "")
        }
    }
}

const KEY: &str = "REST API key";
const SECRET: &str = "client secret";
const REDIRECT: &str = "redirect URI";
const LOGOUT_REDIRECT: &str = "logout redirect URI";
const ADMIN: &str = "admin key";
const OPENID: &str = "OpenID Connect";
const ITEMS: &str = "consent items";
const QUOTA: &str = "quota";

/// Asks Kakao about everything that it can be asked about without a person.
pub async fn preflight(kakao: &Kakao) -> Vec<Finding> {
    let mut findings = client(kakao).await;
    findings.push(redirect(kakao).await);
    findings.push(logout_redirect(kakao).await);
    findings.push(openid(kakao).await);
    let (admin, member) = admin(kakao).await;
    findings.push(admin);
    findings.push(consent_items(kakao, member).await);
    findings.push(quota(&findings));
    findings.push(Finding::open(
        "app",
        "whether KAKAO_APP_ID is the number of this app, and whether a test app lets somebody in \
         (KOE005), shows only when somebody signs in",
    ));
    findings
}

/// The key and its secrets: told apart by what Kakao looks at first.
async fn client(kakao: &Kakao) -> Vec<Finding> {
    let secrets = kakao.client_secrets();
    let known = || Finding::good(KEY, "Kakao knows it");
    for place in 0..secrets.max(1) {
        let taken = match (secrets, place) {
            (0, _) => "none is set, and Kakao wants none",
            (1, _) => "Kakao takes it",
            (_, 0) => "Kakao takes the first of the two values; the other is for the change",
            _ => "Kakao takes the second of the two values only: the first may go",
        };
        match kakao.probe_client(place).await {
            Ok(()) => return vec![known(), Finding::good(SECRET, taken)],
            Err(error) => match error.code {
                Some(Code::Koe(10)) => {}
                Some(Code::Koe(303)) => {
                    // As far as this, key and secret were right.
                    let secret = Finding::good(SECRET, taken);
                    return vec![known(), secret, Finding::koe(REDIRECT, 303)];
                }
                _ => {
                    let unknown = Finding::open(SECRET, "Kakao did not come to look at it");
                    return vec![Finding::failed(KEY, &error), unknown];
                }
            },
        }
    }
    let says = match secrets {
        0 => "KAKAO_CLIENT_SECRET is not set, and Kakao wants it",
        1 => "Kakao refuses the value of KAKAO_CLIENT_SECRET",
        _ => "Kakao refuses both values of KAKAO_CLIENT_SECRET",
    };
    let refused = Finding {
        says: says.to_owned(),
        ..Finding::koe(SECRET, 10)
    };
    vec![known(), refused]
}

async fn redirect(kakao: &Kakao) -> Finding {
    let stopped = match kakao.probe_authorize().await {
        Ok(stopped) => stopped,
        Err(error) => return Finding::failed(REDIRECT, &error),
    };
    match stopped {
        Stopped::Back(error) => match error.as_deref() {
            None | Some("login_required" | "consent_required" | "interaction_required") => {
                Finding::good(REDIRECT, "Kakao sends browsers back to it")
            }
            Some("invalid_scope") => Finding::wrong(
                ITEMS,
                "KAKAO_SCOPES names an item that is not set up (invalid_scope)",
            )
            .value(kakao.scopes().join(", "))
            .at(console::CONSENT_ITEMS),
            Some(other) => {
                let plain = |c: &char| c.is_ascii_lowercase() || *c == '_';
                let name: String = other.chars().filter(plain).take(40).collect();
                let says = format!("Kakao sends browsers back with the error {name}");
                Finding::wrong(REDIRECT, says)
            }
        },
        Stopped::Page(205, named) => {
            let items = if named.is_empty() {
                kakao.scopes()
            } else {
                named.as_slice()
            };
            Finding::koe(ITEMS, 205).value(items.join(", "))
        }
        Stopped::Page(number, _) => {
            let about = match number {
                6 => REDIRECT,
                8 | 33 | 101 => KEY,
                _ => "authorize address",
            };
            let finding = Finding::koe(about, number);
            if number == 6 {
                finding.value(kakao.redirect_uri())
            } else {
                finding
            }
        }
        Stopped::Elsewhere => Finding::open(
            REDIRECT,
            "Kakao showed a page that tells nothing, such as its login form: begin a login in a \
             browser and see whether it comes back",
        )
        .value(kakao.redirect_uri())
        .at(console::REDIRECT_URI),
    }
}

async fn logout_redirect(kakao: &Kakao) -> Finding {
    let finding = match kakao.probe_account_logout().await {
        Ok(Stopped::Back(_)) => {
            return Finding::good(LOGOUT_REDIRECT, "Kakao sends browsers back to it");
        }
        Ok(Stopped::Page(number, _)) => Finding::koe(LOGOUT_REDIRECT, number),
        Ok(Stopped::Elsewhere) => Finding::open(
            LOGOUT_REDIRECT,
            "Kakao showed a page that tells nothing: log out with the Kakao Account in a browser \
             and see whether it comes back",
        )
        .at(console::LOGOUT_REDIRECT_URI),
        Err(error) => Finding::failed(LOGOUT_REDIRECT, &error),
    };
    finding.value(kakao.logout_redirect_uri())
}

async fn openid(kakao: &Kakao) -> Finding {
    if !kakao.uses_openid_connect() {
        return Finding::open(OPENID, "KAKAO_OIDC is off: no ID token is asked for");
    }
    match kakao.probe_openid().await {
        Err(error) => Finding::failed(OPENID, &error),
        Ok(found) if found.issuer != kakao.issuer() => Finding::wrong(
            OPENID,
            "Kakao names another issuer than KAKAO_AUTH_URL: every ID token would be refused",
        )
        .value(kakao.issuer()),
        Ok(found) if found.jwks_uri != kakao.keys_address() => Finding::wrong(
            OPENID,
            "Kakao keeps its keys at another address than this version knows",
        )
        .value(kakao.keys_address()),
        Ok(_) => Finding::good(
            OPENID,
            "issuer and keys are as they should be; whether it is on in the console shows at the \
             first login",
        )
        .at(console::OPENID_CONNECT),
    }
}

/// The admin keys; with the place of the one that is taken and the number of somebody linked. Only
/// a key that Kakao does not take leaves the word to the next one: of any other nobody knows that it
/// may go.
async fn admin(kakao: &Kakao) -> (Finding, Option<(usize, Option<KakaoId>)>) {
    let keys = kakao.admin_keys();
    if keys == 0 {
        let says = "KAKAO_ADMIN_KEY is not set: the unlink webhook is refused, because Kakao \
                    proves itself with that key there; a forced logout ends only the Kakao tokens \
                    we hold; and nobody can reconcile";
        return (Finding::open(ADMIN, says).at(console::ADMIN_KEY), None);
    }
    let mut refused = None;
    for place in 0..keys {
        match kakao.probe_admin_key(place).await {
            Ok(somebody) => {
                let says = match (keys, place) {
                    (1, _) => "Kakao takes it",
                    (_, 0) => "Kakao takes the first of the two values",
                    _ => "Kakao takes the second of the two values only: the first may go",
                };
                return (Finding::good(ADMIN, says), Some((place, somebody)));
            }
            Err(error) if error.code == Some(Code::Api(-401)) => refused = Some(error),
            Err(error) => return (admin_failed(keys, place, &error), None),
        }
    }
    let finding = match refused {
        Some(error) => Finding {
            says: "Kakao refuses it, or calls from this machine's address (호출 허용 IP 주소)"
                .to_owned(),
            ..Finding::failed(ADMIN, &error)
        },
        None => Finding::wrong(ADMIN, "Kakao refuses it"),
    };
    (finding.at(console::ADMIN_KEY), None)
}

/// One that Kakao did not refuse, and that could not show all it is for.
fn admin_failed(keys: usize, place: usize, error: &Error) -> Finding {
    let finding = Finding::failed(ADMIN, error);
    let says = match error.code {
        Some(Code::Api(-3 | -5)) => {
            "Kakao knows it, but it may not list member numbers (GET /v1/user/ids), which \
             reconciling needs"
        }
        _ => finding.says.as_str(),
    };
    let says = match (keys, place) {
        (1, _) => says.to_owned(),
        (_, 0) => format!("of the first of the two values: {says}"),
        _ => format!("the first of the two values is refused; of the second: {says}"),
    };
    Finding { says, ..finding }.at(console::ADMIN_KEY)
}

async fn consent_items(kakao: &Kakao, member: Option<(usize, Option<KakaoId>)>) -> Finding {
    let unknown = |says: &str| Finding::open(ITEMS, says).at(console::CONSENT_ITEMS);
    let (place, somebody) = match member {
        None => return unknown("Kakao tells them by admin key only"),
        Some((_, None)) => return unknown("Kakao tells them once somebody has signed in"),
        Some((place, Some(somebody))) => (place, somebody),
    };
    let items = match kakao.probe_consent_items(place, somebody).await {
        Ok(items) => items,
        Err(error) if error.kind == Kind::NotLinked => {
            return unknown("Kakao tells them once somebody has signed in");
        }
        Err(error) => return Finding::failed(ITEMS, &error).at(console::CONSENT_ITEMS),
    };
    let missing = missing(kakao.scopes(), &items);
    if !missing.is_empty() {
        let says = "KAKAO_SCOPES names items that are not set up, so every login stops with KOE205";
        return Finding::wrong(ITEMS, says)
            .value(missing.join(", "))
            .at(console::CONSENT_ITEMS);
    }
    let in_use = items.iter().filter(|item| item.using);
    let in_use: Vec<&str> = in_use.map(|item| item.id.as_str()).collect();
    let says = if kakao.scopes().is_empty() {
        "the console decides what is asked for"
    } else {
        "everything in KAKAO_SCOPES is set up"
    };
    Finding::good(ITEMS, says).value(in_use.join(", "))
}

/// What is asked for and not set up.
fn missing<'a>(asked: &'a [String], items: &[ConsentItem]) -> Vec<&'a str> {
    let set_up = |scope: &&String| items.iter().any(|item| item.using && item.id == **scope);
    let asked = asked.iter().filter(|scope| *scope != "openid");
    asked
        .filter(|scope| !set_up(scope))
        .map(String::as_str)
        .collect()
}

fn quota(findings: &[Finding]) -> Finding {
    let used_up = |finding: &&Finding| {
        let code = finding.code.as_deref();
        matches!(code, Some("-10" | "KOE237")) || finding.says.contains("quota")
    };
    match findings.iter().find(used_up) {
        Some(finding) => Finding {
            code: finding.code.clone(),
            ..Finding::wrong(QUOTA, "Kakao refused a call because there were too many")
        },
        None => Finding::good(
            QUOTA,
            "no call was refused for it; how much is left, Kakao shows in the console only",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_counts_as_set_up_while_the_app_uses_it() {
        let item = |id: &str, using| ConsentItem {
            id: id.to_owned(),
            name: id.to_owned(),
            is_service: false,
            using,
            agreed: false,
            revocable: false,
        };
        let items = [item("profile_nickname", true), item("gender", false)];
        let asked = ["openid", "profile_nickname", "gender", "name"].map(str::to_owned);
        assert_eq!(missing(&asked, &items), ["gender", "name"]);
        assert_eq!(missing(&[], &items), Vec::<&str>::new());
    }
}
