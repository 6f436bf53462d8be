//! The route table, crawled: every address holds whoever asks to what the table says.

use kakao_gate::web::{Who, bare_table, table};

use crate::stage::Stage;

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
                assert!([303, 403].contains(&page.status), "{path} {}", page.status);
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
                let page = visitor.send(method, &path, &[], None).await;
                assert_eq!(page.status, 405, "{path}");
                assert_eq!(page.header("allow"), address.allow(), "{path}");
                assert!(!page.header("content-security-policy").is_empty(), "{path}");
            }
        }
    });
}
