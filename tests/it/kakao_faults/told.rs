//! How a failed login is told, and what it must leave behind: nothing.

use std::time::Instant;

use kakao_gate::emulator::{Endpoint, Fault, Times};

use super::CALLBACK;
use crate::stage::TestApp;
use crate::stage::page::Page;

/// Status, title, words of the body and `Retry-After` of every page that a failing Kakao leads to.
const PAGES: &[(&str, u16, &str, &str, &str)] = &[
    (
        "cancelled",
        200,
        "카카오 로그인을 취소했습니다",
        "동의하지 않아 로그인하지 않았습니다. 저장한 정보는 없습니다.",
        "",
    ),
    (
        "consent_missing",
        200,
        "동의가 더 필요합니다",
        "서비스를 이용하려면",
        "",
    ),
    (
        "code_used",
        400,
        "로그인 시간이 지났습니다",
        "로그인 확인 정보는 한 번만 사용할 수 있습니다. 처음부터 다시 로그인해 주세요.",
        "",
    ),
    (
        "redirect_mismatch",
        502,
        "로그인 설정에 문제가 있습니다",
        "서비스 설정 문제로 카카오 로그인을 마치지 못했습니다. 담당자에게 알렸습니다.",
        "",
    ),
    (
        "bad_client",
        502,
        "로그인 설정에 문제가 있습니다",
        "서비스 설정 문제로 카카오 로그인을 마치지 못했습니다. 담당자에게 알렸습니다.",
        "",
    ),
    (
        "kakao_limit",
        503,
        "카카오 로그인이 몰리고 있습니다",
        "10분 뒤에 다시 시도해 주세요.",
        "600",
    ),
    (
        "kakao_down",
        503,
        "카카오에 연결할 수 없습니다",
        "1분 뒤에 다시 시도하거나 다른 방법으로 로그인해 주세요.",
        "60",
    ),
    (
        "kakao_bad_reply",
        502,
        "카카오 응답을 확인할 수 없습니다",
        "받은 정보를 확인하지 못해 로그인하지 않았습니다. 처음부터 다시 로그인해 주세요.",
        "",
    ),
    (
        "under14",
        403,
        "가입할 수 없는 계정입니다",
        "만 14세 이상만 이용할 수 있습니다.",
        "",
    ),
];

/// A login whose `endpoint` fails with `fault` as long as it lasts, up to the page that says so.
/// The code goes out once at most, whoever else is asked is asked twice at most, and nothing is
/// made.
pub(super) async fn told(app: &TestApp, endpoint: Endpoint, fault: Fault, id: &str) {
    let said = fault.to_string();
    let what = format!("{endpoint:?} {}", said.chars().take(80).collect::<String>());
    let asked = || [Endpoint::Token, Endpoint::Me].map(|endpoint| app.emulator.count(endpoint));
    let visitor = app.visitor();
    let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
    let before = asked();
    app.emulator.fail(endpoint, fault, Times::Always);
    let began = Instant::now();
    let answer = visitor.get(&callback).await;
    assert!(began.elapsed() < CALLBACK, "{what}: {:?}", began.elapsed());
    assert_eq!(
        (answer.status, answer.leads_to_error()),
        (303, id),
        "{what}"
    );
    app.emulator.heal();

    let after = asked();
    assert_eq!(after[0] - before[0], 1, "{what}: exchanges");
    let most = if endpoint == Endpoint::Token { 0 } else { 2 };
    assert!(after[1] - before[1] <= most, "{what}: calls of user/me");
    page(&visitor.follow(&answer).await, id);
    nothing_was_made(app).await;

    // Sent once more, by a reload or the back button, now that Kakao would answer.
    let again = visitor.get(&callback).await;
    assert_eq!(again.leads_to_error(), "code_used", "{what}");
    assert_eq!(asked(), after, "{what}: a spent attempt asks nobody");
    assert_eq!(visitor.get("/me").await.status, 303, "{what}");
}

/// That this is the page `id` of the catalogue, whole.
pub(super) fn page(page: &Page, id: &str) {
    let (_, status, title, words, retry_after) = PAGES.iter().find(|told| told.0 == id).unwrap();
    assert_eq!(page.status, *status, "{id}");
    assert_eq!(page.h1(), *title, "{id}");
    assert!(
        page.text("main").contains(words),
        "{id}: {}",
        page.text("main")
    );
    assert_eq!(page.header("retry-after"), *retry_after, "{id}");
    assert_eq!(page.header("cache-control"), "no-store", "{id}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), value, "{id}");
    }
    let csp = page.header("content-security-policy");
    assert!(csp.contains("frame-ancestors 'none'"), "{id}: {csp}");
    assert!(
        !page.attributes("main a", "href").is_empty(),
        "a way forward"
    );
    assert!(!page.body.contains("KOE"), "{id}: codes are for the log");
    let reference = page.text("main").contains("문의 번호");
    assert_eq!(reference, *status >= 500, "{id}");
}

/// No member, no session, half or whole.
pub(super) async fn nothing_was_made(app: &TestApp) {
    for table in ["members", "kakao_accounts", "sessions"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
}
