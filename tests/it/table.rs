//! The route table, crawled: every address holds whoever asks to what the table says.

use kakao_gate::api_key::Scope;
use kakao_gate::member::{MemberId, Role};
use kakao_gate::web::{Who, bare_table, table};

use crate::admin_keys::make;
use crate::audit::staff;
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor};

/// A path that the pattern matches.
fn path_of(pattern: &str) -> String {
    pattern.replace("{id}", "01900000-0000-7000-8000-000000000000")
}

// AP-10, SE-10, WB-1
#[test]
fn every_address_for_members_leads_strangers_to_the_login_page() {
    Stage::default().once(async |app| {
        let mut members_only = 0;
        for address in table() {
            let stranger = app.visitor();
            let path = path_of(address.path);
            if address.who == Who::Member && address.allow().contains("GET") {
                let page = stranger.get(&path).await;
                assert_eq!(page.status, 303, "{path}");
                assert!(page.location().starts_with("/login?next="), "{path}");
                members_only += 1;
            }
            if matches!(address.who, Who::Staff(_)) {
                let page = if address.allow().contains("GET") {
                    stranger.get(&path).await
                } else {
                    stranger.post(&path, &[]).await
                };
                assert_eq!(page.status, 404, "{path}");
            } else if address.allow().contains("POST") {
                // Nobody is anybody here: neither a form token nor a session.
                let page = stranger.post(&path, &[]).await;
                // Programs are told, and led nowhere.
                let refusals = if path.starts_with("/api/") {
                    [401, 401]
                } else {
                    [303, 403]
                };
                assert!(refusals.contains(&page.status), "{path} {}", page.status);
                assert!(!page.location().starts_with("/me"), "{path}");
            }
        }
        assert!(members_only >= 3);
    });
}

// WB-2, SE-6
#[test]
fn every_form_is_refused_without_its_token_or_from_another_site() {
    // An owner has the forms of everybody.
    let stage = Stage::default().set("ADMIN_EMAILS", "ordinary@example.com");
    stage.once(async |app| {
        for address in table()
            .iter()
            .filter(|address| address.allow().contains("POST"))
        {
            let visitor = app.visitor();
            visitor.log_in_as(app, "ordinary").await;
            let path = path_of(address.path);
            let without = visitor.post(&path, &[]).await;
            assert_eq!(without.status, 403, "{path}");
            let csrf = visitor.get("/me").await.csrf();
            let fields = [
                ("csrf", csrf.as_str()),
                ("reach", "here"),
                ("lang", "en"),
                ("theme", "dark"),
                ("back", "/me"),
            ];
            let foreign = [
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ];
            let from_elsewhere = visitor.post_with(&path, &foreign, &fields).await;
            assert_eq!(from_elsewhere.status, 403, "{path}");
            let unsaid = visitor.post_with(&path, &[], &fields).await;
            assert_eq!(unsaid.status, 403, "{path}");
            assert_eq!(
                visitor.get("/me").await.status,
                200,
                "{path} changed something"
            );
        }
    });
}

// AD-1, AP-10
#[test]
fn every_address_for_programs_of_the_administration_holds_them_to_their_role_and_scope() {
    Stage::default().once(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let keys = [
            (
                Scope::Introspect,
                make(&owner, "introspects", &["introspect"]).await,
            ),
            (
                Scope::ReadMembers,
                make(&owner, "reads", &["members:read"]).await,
            ),
            (
                Scope::ManageMembers,
                make(&owner, "manages", &["members:manage"]).await,
            ),
        ];
        let mut tokens = Vec::new();
        for (person, role) in [
            ("long-id", Role::Member),
            ("linked", Role::Viewer),
            ("no-email", Role::Admin),
        ] {
            let browser = staff(app, person, role).await;
            let page = browser.press("/me", "/api/v1/auth/session", &[]).await;
            let body: serde_json::Value = serde_json::from_str(&page.body).unwrap();
            tokens.push((role, body["access_token"].as_str().unwrap().to_owned()));
        }
        let mut held = 0;
        for address in bare_table() {
            let Who::Program(role, scope) = address.who else {
                continue;
            };
            held += 1;
            let path = path_of(address.path);
            let ask = async |bearer: Option<&str>| {
                let header = bearer.map(|bearer| format!("Bearer {bearer}"));
                let headers: Vec<_> = header
                    .iter()
                    .map(|header| ("authorization", header.as_str()))
                    .collect();
                let visitor = app.visitor();
                if address.allow().contains("GET") {
                    visitor.get_with(&path, &headers).await.status
                } else {
                    visitor.post_with(&path, &headers, &[]).await.status
                }
            };
            assert_eq!(ask(None).await, 401, "{path}");
            for (had, token) in &tokens {
                let status = ask(Some(token)).await;
                assert_eq!(status == 403, *had < role, "{path} {had:?} {status}");
            }
            for (had, key) in &keys {
                let status = ask(Some(key)).await;
                assert_eq!(status == 403, *had != scope, "{path} {had:?} {status}");
            }
        }
        assert!(held >= 7);
    });
}

// WB-1
#[test]
fn every_address_answers_other_methods_with_405_and_says_which_it_takes() {
    Stage::default().once(async |app| {
        for address in table().iter().chain(&bare_table()) {
            let visitor = app.visitor();
            let path = path_of(address.path);
            for method in [
                reqwest::Method::DELETE,
                reqwest::Method::PUT,
                reqwest::Method::TRACE,
            ] {
                if address.allow().contains(method.as_str()) {
                    continue;
                }
                let page = visitor.send(method, &path, &[], None).await;
                assert_eq!(page.status, 405, "{path}");
                assert_eq!(page.header("allow"), address.allow(), "{path}");
                assert!(!page.header("content-security-policy").is_empty(), "{path}");
            }
        }
    });
}

/// Somebody who tries every address of the administration.
struct Caller {
    who: &'static str,
    browser: Visitor,
    /// What they may do there; `None` for people to whom it does not exist.
    role: Option<Role>,
}

/// Everybody there is, signed in where they can be.
async fn callers(app: &TestApp) -> Vec<Caller> {
    let mut callers = vec![Caller {
        who: "anonymous",
        browser: app.visitor(),
        role: None,
    }];
    for (who, person) in [("member", "ordinary"), ("suspended", "no-email")] {
        let (browser, id) = app.signed_in(person).await;
        if who == "suspended" {
            let sql = format!("UPDATE members SET standing = 'suspended' WHERE id = '{id}'");
            app.backends().database.execute(&sql);
        }
        callers.push(Caller {
            who,
            browser,
            role: None,
        });
    }
    for (role, person) in [
        (Role::Viewer, "linked"),
        (Role::Admin, "minimal"),
        (Role::Owner, "long-id"),
    ] {
        let (browser, _) = app.with_role(person, role.code()).await;
        callers.push(Caller {
            who: role.code(),
            browser,
            role: Some(role),
        });
    }
    callers
}

impl Caller {
    fn expect(&self, needed: Role, page: &Page, what: &str) {
        let (status, who) = (page.status, self.who);
        match self.role {
            None => assert_eq!(status, 404, "{what} by {who}"),
            Some(role) if role < needed => assert_eq!(status, 403, "{what} by {who}"),
            Some(_) => {
                let answered = status < 500 && ![401, 403, 405].contains(&status);
                assert!(answered, "{what} by {who}: {status}");
            }
        }
    }
}

// AD-1
#[test]
fn the_administration_is_there_for_its_roles_only_at_every_address_and_method() {
    let stage = Stage::default();
    stage.everywhere(async |app| {
        let callers = callers(app).await;
        let (_, victim) = app.signed_in("stale-email").await;
        let (mut asked, mut refused) = (0, 0);
        for address in table() {
            let Who::Staff(needed) = address.who else {
                continue;
            };
            let path = address.path.replace("{id}", &victim.to_string());
            for caller in &callers {
                let browser = &caller.browser;
                // A token of their own session, so that nothing but the role is in the way.
                let csrf = browser.get("/").await.csrf();
                if address.allow().contains("GET") {
                    let page = browser.get(&path).await;
                    caller.expect(needed, &page, &format!("GET {path}"));
                    let head = browser.head(&path).await;
                    assert_eq!(head.status, page.status, "HEAD {path} by {}", caller.who);
                    asked += 1;
                }
                if address.allow().contains("POST") {
                    let page = browser.post(&path, &[("csrf", &csrf)]).await;
                    caller.expect(needed, &page, &format!("POST {path}"));
                    asked += 1;
                    if caller.role.is_some_and(|role| role >= needed) {
                        refused += forged(browser, &path, &csrf).await;
                    }
                }
            }
        }
        assert!(
            asked > 60 && refused > 20,
            "{asked} asked, {refused} forged"
        );
        unharmed(app, victim).await;
    });
}

/// Forms that nobody of ours was given are refused, whoever sends them.
async fn forged(browser: &Visitor, path: &str, csrf: &str) -> usize {
    let foreign = [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ];
    let answers = [
        browser.post(path, &[]).await,
        browser.post(path, &[("csrf", "AAAA")]).await,
        browser.post(path, &[("csrf", csrf), ("csrf", csrf)]).await,
        browser.post_with(path, &foreign, &[("csrf", csrf)]).await,
        browser.post_with(path, &[], &[("csrf", csrf)]).await,
    ];
    for page in &answers {
        assert_eq!(page.status, 403, "{path}");
    }
    answers.len()
}

async fn unharmed(app: &TestApp, victim: MemberId) {
    assert_eq!(app.of_member("version", victim).await, "1");
    assert_eq!(app.of_member("standing", victim).await, "active");
    assert_eq!(app.of_member("role", victim).await, "member");
}
