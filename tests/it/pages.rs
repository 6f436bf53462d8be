//! What every answer has in common: headers, error pages, languages.

use kakao_gate::i18n::Lang;
use kakao_gate::web::table;
use reqwest::Method;

use crate::stage::page::Page;
use crate::stage::{Stage, eventually};

/// What a browser or a proxy must be told with every answer.
fn is_guarded(page: &Page, what: &str) {
    let policy = page.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("data:"),
        "{what}: {policy}"
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), value, "{what}: {name}");
    }
    assert!(!page.header("x-request-id").is_empty(), "{what}");
    assert_eq!(page.header("access-control-allow-origin"), "", "{what}");
    assert_eq!(page.header("server"), "", "{what}");
    assert_eq!(
        page.header("strict-transport-security"),
        "",
        "{what}: not on http"
    );
}

// WB-1, WB-4, SE-10
#[test]
fn every_answer_is_guarded_and_none_of_a_person_may_be_kept() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let mut answers = Vec::new();
        for address in table() {
            let path = address.path.replace("{id}", "x");
            for who in [&visitor, &app.visitor()] {
                answers.push((format!("GET {path}"), who.get(&path).await));
                answers.push((format!("HEAD {path}"), who.head(&path).await));
                answers.push((format!("POST {path}"), who.post(&path, &[]).await));
                let delete = who.send(Method::DELETE, &path, &[], None).await;
                answers.push((format!("DELETE {path}"), delete));
            }
        }
        for path in [
            "/nothing",
            "/me/nothing",
            "/admin",
            "/%00",
            "/static/nothing.css",
        ] {
            answers.push((path.to_owned(), visitor.get(path).await));
        }
        for path in ["/health/live", "/health/ready"] {
            answers.push((path.to_owned(), visitor.get(path).await));
        }
        assert!(answers.len() > 100);
        for (what, page) in &answers {
            is_guarded(page, what);
            assert_eq!(page.header("cache-control"), "no-store", "{what}");
            assert!(page.header("vary").contains("Cookie"), "{what}");
            assert!(page.header("vary").contains("Accept-Language"), "{what}");
            assert!(page.status < 500, "{what}: {}", page.status);
        }
    });
}

// WB-1, WB-5
#[test]
fn what_a_page_is_made_of_is_ours_and_may_be_kept_for_good() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let page = visitor.get("/login").await;
        let mut parts = page.attributes("link[rel=stylesheet], link[rel=icon]", "href");
        parts.extend(page.attributes("script", "src"));
        assert_eq!(parts.len(), 3);
        for part in parts {
            assert!(part.starts_with('/'), "{part} is somebody else's");
            let asset = visitor.get(&part).await;
            assert_eq!(asset.status, 200, "{part}");
            is_guarded(&asset, &part);
            let keep = asset.header("cache-control");
            assert!(
                keep.contains("immutable") && keep.contains("max-age=31536000"),
                "{part}"
            );
            assert!(asset.headers.get("set-cookie").is_none(), "{part}");
            assert!(!asset.header("content-type").is_empty(), "{part}");
        }
        assert!(page.texts("[style]").is_empty() && page.texts("[onclick]").is_empty());
        assert!(
            page.texts("style").is_empty(),
            "nothing inline: the policy forbids it"
        );
        assert!(page.texts("script").iter().all(String::is_empty));
    });
}

// WB-1, RL-4
#[test]
fn a_database_that_is_gone_is_an_honest_page_that_is_guarded_too() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let store = app.gate().store;
        let away = |connection: &mut _| {
            use diesel::RunQueryDsl as _;
            diesel::sql_query("ALTER TABLE sessions RENAME TO sessions_away")
                .execute(connection)?;
            Ok(())
        };
        store.write(away).await.unwrap();
        let page = visitor.get("/me").await;
        is_guarded(&page, "500");
        assert_eq!(
            (page.status, page.h1().as_str()),
            (500, "처리하지 못했습니다")
        );
        assert_eq!(page.header("cache-control"), "no-store");
        let reference = page.header("x-request-id");
        assert!(
            page.body.contains(reference),
            "the page names its line in the log"
        );
        for inner in ["sessions", "SQL", "sqlite", "table", "src/"] {
            assert!(!page.body.contains(inner), "{inner}");
        }
        let json = visitor
            .get_with("/me", &[("accept", "application/json")])
            .await;
        assert_eq!((json.status, json.error_code().as_str()), (500, "server"));
        assert_eq!(
            visitor.get("/nothing").await.status,
            500,
            "who is asking is unknown"
        );
        assert_eq!(visitor.get("/health/live").await.status, 200);
        let back = |connection: &mut _| {
            use diesel::RunQueryDsl as _;
            diesel::sql_query("ALTER TABLE sessions_away RENAME TO sessions")
                .execute(connection)?;
            Ok(())
        };
        store.write(back).await.unwrap();
        eventually("the same session goes on", async || {
            visitor.get("/me").await.status == 200
        })
        .await;
    });
}

/// `id`, status, title in Korean, title in English, `Retry-After`.
const ERRORS: &[(&str, u16, &str, &str, &str)] = &[
    (
        "cancelled",
        200,
        "카카오 로그인을 취소했습니다",
        "You cancelled Login with Kakao",
        "",
    ),
    (
        "consent_missing",
        200,
        "동의가 더 필요합니다",
        "One more consent is needed",
        "",
    ),
    (
        "code_used",
        400,
        "로그인 시간이 지났습니다",
        "That login attempt has expired",
        "",
    ),
    (
        "redirect_mismatch",
        502,
        "로그인 설정에 문제가 있습니다",
        "Our login settings have a problem",
        "",
    ),
    (
        "bad_client",
        502,
        "로그인 설정에 문제가 있습니다",
        "Our login settings have a problem",
        "",
    ),
    (
        "kakao_limit",
        503,
        "카카오 로그인이 몰리고 있습니다",
        "Kakao login is busy",
        "60",
    ),
    (
        "kakao_down",
        503,
        "카카오에 연결할 수 없습니다",
        "We cannot reach Kakao",
        "60",
    ),
    (
        "kakao_bad_reply",
        502,
        "카카오 응답을 확인할 수 없습니다",
        "We could not verify the reply from Kakao",
        "",
    ),
    (
        "state_bad",
        400,
        "로그인을 확인할 수 없습니다",
        "We could not confirm this login",
        "",
    ),
    (
        "state_expired",
        400,
        "로그인 시간이 지났습니다",
        "That login attempt has expired",
        "",
    ),
    (
        "under14",
        403,
        "가입할 수 없는 계정입니다",
        "This account cannot sign up",
        "",
    ),
    (
        "suspended",
        403,
        "이용이 정지된 계정입니다",
        "This account is suspended",
        "",
    ),
    (
        "bad_request",
        400,
        "요청을 처리할 수 없습니다",
        "We could not process the request",
        "",
    ),
    ("rate", 429, "잠시 후 다시 시도해 주세요", "Slow down", "60"),
    (
        "server",
        500,
        "처리하지 못했습니다",
        "Something went wrong",
        "",
    ),
    (
        "unavailable",
        503,
        "지금은 이용할 수 없습니다",
        "Unavailable right now",
        "5",
    ),
];

// CB-2, LG-5
#[test]
fn every_error_page_has_its_status_its_words_in_both_languages_and_a_way_on() {
    Stage::default()
        .set("CONTACT_EMAIL", "help@members.example")
        .once(async |app| {
            for (id, status, ko, en, retry) in ERRORS {
                for (lang, title) in [(Lang::Ko, ko), (Lang::En, en)] {
                    let visitor = app.visitor();
                    visitor.always("accept-language", lang.code());
                    let page = visitor.get(&format!("/auth/error?e={id}")).await;
                    assert_eq!(page.status, *status, "{id}");
                    assert_eq!(page.h1(), *title, "{id}");
                    assert!(
                        page.text("title").contains(title),
                        "{id}: {}",
                        page.text("title")
                    );
                    assert_eq!(page.attributes("html", "lang"), [lang.code()], "{id}");
                    assert_eq!(page.header("retry-after"), *retry, "{id}");
                    let links = page.attributes("main a", "href");
                    assert!(!links.is_empty(), "{id}: no way on");
                    for link in links {
                        let there = visitor.get(&link).await;
                        assert!(
                            there.status < 400 || link.starts_with("/auth/error"),
                            "{id}: {link}"
                        );
                    }
                    for inner in ["KOE", "null", "{", "}", "undefined"] {
                        assert!(
                            !page.text("main").contains(inner),
                            "{id}: {}",
                            page.text("main")
                        );
                    }
                    let names_it = page.body.contains(page.header("x-request-id"));
                    assert_eq!(
                        names_it,
                        *status >= 500,
                        "{id}: a reference where it may be asked for"
                    );
                    let program = [("accept", "application/json")];
                    let json = visitor
                        .get_with(&format!("/auth/error?e={id}"), &program)
                        .await;
                    assert_eq!((json.status, json.error_code().as_str()), (*status, *id));
                    assert!(json.header("content-type").starts_with("application/json"));
                    assert_eq!(json.header("retry-after"), *retry, "{id}");
                }
            }
        });
}

// LG-5, WB-3
#[test]
fn an_error_page_that_does_not_exist_echoes_nothing() {
    Stage::default().once(async |app| {
        for e in [
            "",
            "?e=",
            "?e=nothing",
            "?e=%3Cscript%3Ealert(1)%3C/script%3E",
            "?e=KOE320",
            "?e=%ff",
        ] {
            let page = app.visitor().get(&format!("/auth/error{e}")).await;
            assert_eq!(page.status, 400, "{e}");
            assert!(
                !page.h1().is_empty() && !page.texts("main a").is_empty(),
                "{e}"
            );
            for echo in ["alert(1)", "KOE320", "nothing"] {
                assert!(!page.text("main").contains(echo), "{e}");
            }
            assert!(!page.body.contains("<script>alert"), "{e}");
        }
    });
}

// CB-2, LG-5
#[test]
fn a_login_error_page_can_be_reloaded_and_is_forgotten_on_the_next_page() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let callback = visitor
            .to_callback(&app.emulator, "ordinary", "/me/sessions")
            .await;
        app.clock.advance(time::Duration::minutes(11));
        let refused = visitor.get(&callback).await;
        assert!(!refused.set_cookie("kg-notice").is_empty());
        for _ in 0..2 {
            let page = visitor.follow(&refused).await;
            assert_eq!(page.status, 400);
            let again = page.attributes("a.kakao", "href");
            assert_eq!(again, ["/auth/kakao?next=%2Fme%2Fsessions"]);
        }
        visitor.get("/login").await;
        assert_eq!(visitor.cookie("kg-notice"), None);
    });
}

// WB-1, WB-3, AP-3
#[test]
fn nothing_here_and_not_that_way_are_told_in_the_askers_language_or_as_json() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        for who in [&visitor, &app.visitor()] {
            for (lang, gone, method) in [
                (
                    "ko",
                    "화면을 찾을 수 없습니다",
                    "이 방법으로는 열 수 없습니다",
                ),
                (
                    "en",
                    "Page not found",
                    "This page cannot be opened that way",
                ),
                (
                    "fr, en;q=0.5",
                    "Page not found",
                    "This page cannot be opened that way",
                ),
                (
                    "fr",
                    "화면을 찾을 수 없습니다",
                    "이 방법으로는 열 수 없습니다",
                ),
            ] {
                let header = [("accept-language", lang)];
                who.always("accept-language", "");
                for path in [
                    "/nothing",
                    "/admin",
                    "/<script>alert(1)</script>",
                    "/me/sessions/x",
                ] {
                    let page = who.get_with(path, &header).await;
                    assert_eq!((page.status, page.h1().as_str()), (404, gone), "{path}");
                    assert!(!page.body.contains("<script>alert"), "{path}");
                }
                let page = who.send(Method::PUT, "/me", &header, None).await;
                assert_eq!((page.status, page.h1().as_str()), (405, method));
                assert_eq!(page.header("allow"), "GET, HEAD");
                let page = who.get_with("/language", &header).await;
                assert_eq!((page.status, page.header("allow")), (405, "POST"));
            }
            let json = who
                .get_with("/nothing", &[("accept", "application/json")])
                .await;
            assert_eq!(
                (json.status, json.error_code().as_str()),
                (404, "not_found")
            );
            let json = [("accept", "application/json")];
            let json = who.send(Method::PATCH, "/me", &json, None).await;
            assert_eq!((json.status, json.error_code().as_str()), (405, "method"));
        }
    });
}
