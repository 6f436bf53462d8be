//! `/me/kakao/consents`: what a member shares at Kakao, and the terms they agreed to there.

use std::time::{Duration as Wait, Instant};

use kakao_gate::emulator::{Consent, Endpoint, Fault, ServiceTerm, Times};
use time::Duration;

use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor, eventually, everywhere};

const PAGE: &str = "/me/kakao/consents";
const WITHDRAW: &str = "/me/kakao/consents/withdraw";

/// Where the page offers to agree to an item.
fn asks(page: &Page) -> Vec<String> {
    page.attributes("a[href^='/me/kakao/consents/ask']", "href")
}

/// The items that the page lets be withdrawn.
fn revocable(page: &Page) -> Vec<String> {
    page.attributes("button[name=item]", "value")
}

/// Agrees to whatever `address` asks for, as `person`; the answer to the callback.
async fn agree(app: &TestApp, visitor: &Visitor, address: &str, person: &str) -> Page {
    let begun = visitor.get(address).await;
    assert_eq!(begun.status, 303, "{}", begun.body);
    let back = app
        .emulator
        .authorize(begun.location(), person, Consent::All);
    let path = back.strip_prefix(&app.url).expect(&back).to_owned();
    visitor.get(&path).await
}

/// The scopes that the way to Kakao names, and whether it asks for credentials.
fn scopes_of(begun: &Page) -> (String, bool) {
    let url = url::Url::parse(begun.location()).unwrap();
    let scope = url.query_pairs().find(|(name, _)| name == "scope");
    let prompt = url.query_pairs().any(|(name, _)| name == "prompt");
    (
        scope
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default(),
        prompt,
    )
}

async fn session(app: &TestApp) -> String {
    let live = "SELECT CAST(created_at AS TEXT) || ' ' || CAST(ends_at AS TEXT) AS value \
                FROM sessions WHERE ended_at IS NULL";
    app.values(live).await.pop().unwrap()
}

// RL-1, RL-2
#[test]
fn a_kakao_in_trouble_is_said_so_in_time_and_costs_nobody_their_session() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "linked").await;
        for fault in [
            Fault::Silence,
            Fault::Cut,
            Fault::Status(503),
            Fault::refuse("-1"),
            Fault::refuse("-10"),
            Fault::Malformed,
            Fault::Html(200),
            Fault::Answer {
                status: 200,
                content_type: "application/json".to_owned(),
                body: r#"{"id":1,"scopes":[]}"#.to_owned(),
            },
        ] {
            app.emulator
                .fail(Endpoint::Scopes, fault.clone(), Times::Always);
            let began = Instant::now();
            let page = visitor.get(PAGE).await;
            assert!(began.elapsed() < Wait::from_millis(4_500), "{fault:?}");
            assert_eq!((page.status, page.h1().as_str()), (200, "카카오 동의 내역"));
            let told = page.text(".note.warn");
            assert!(
                told.contains("로그인은 그대로 유지됩니다"),
                "{fault:?} {told}"
            );
            assert!(revocable(&page).is_empty() && asks(&page).is_empty());
            app.emulator.heal();
        }
        assert_eq!(revocable(&visitor.get(PAGE).await).len(), 2);
    });
}

// TK-5
#[test]
fn who_has_no_tokens_any_more_is_asked_for_kakao_here_and_nowhere_else() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "linked").await;
        let id = app.emulator.world().user_id("linked").unwrap();
        app.emulator.world().revoke_tokens(id);
        let page = visitor.get(PAGE).await;
        assert_eq!(page.status, 200);
        let ways = page.attributes("a.kakao", "href");
        assert_eq!(ways, ["/reauth/kakao?next=%2Fme%2Fkakao%2Fconsents"]);
        assert_eq!(visitor.get("/me").await.status, 200);
        let fields = [("item", "account_email")];
        let pressed = visitor.press(PAGE, WITHDRAW, &fields).await;
        assert_eq!(pressed.location(), PAGE);
        let back = agree(app, &visitor, &ways[0], "linked").await;
        assert_eq!(back.location(), PAGE);
        assert_eq!(revocable(&visitor.get(PAGE).await).len(), 2);
    });
}

// TK-3
#[test]
fn an_access_token_that_kakao_forgot_is_refreshed_on_the_way() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "linked").await;
        let id = app.emulator.world().user_id("linked").unwrap();
        app.emulator.world().expire_access_tokens(id);
        let page = visitor.get(PAGE).await;
        assert_eq!(revocable(&page), ["profile_image", "account_email"]);
        assert_eq!(app.emulator.refreshes(), 1);
    });
}

#[test]
fn a_withdrawn_item_is_withdrawn_at_kakao_and_what_came_with_it_is_erased() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "linked").await;
        let page = visitor.get(PAGE).await;
        let names = page.texts("main li h2");
        assert!(names.contains(&"닉네임".to_owned()), "{names:?}");
        assert!(
            page.text("main")
                .contains("필수 항목이라 철회할 수 없습니다")
        );
        for item in ["account_email", "profile_image"] {
            let pressed = visitor.press(PAGE, WITHDRAW, &[("item", item)]).await;
            assert_eq!(pressed.location(), PAGE);
            let told = visitor.follow(&pressed).await;
            assert!(
                told.text(".note.ok").contains("철회했습니다"),
                "{}",
                told.body
            );
            assert!(!revocable(&told).contains(&item.to_owned()));
        }
        let left = app.emulator.world().agreed_scopes("linked");
        assert_eq!(left, ["profile_nickname"]);
        let kept = "SELECT scopes || '/' || COALESCE(email, '-') || '/' || COALESCE(picture, '-') \
                    AS value FROM kakao_accounts";
        assert_eq!(app.values(kept).await, ["profile_nickname/-/-"]);
        assert_eq!(app.count("members WHERE picture IS NOT NULL").await, 0);
        let entries = "SELECT detail AS value FROM audit_events \
                       WHERE action = 'kakao.consent.revoke' AND result = 'success' ORDER BY place";
        assert_eq!(
            app.values(entries).await,
            ["account_email", "profile_image"]
        );
    });
}

// WB-2
#[test]
fn what_cannot_be_withdrawn_stays_and_only_the_form_withdraws() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "linked").await;
        for item in [
            "profile_nickname",
            "gender",
            "nothing",
            "",
            "a b",
            "<script>",
        ] {
            let pressed = visitor.press(PAGE, WITHDRAW, &[("item", item)]).await;
            assert_eq!(pressed.location(), PAGE, "{item}");
            let told = visitor.follow(&pressed).await;
            assert_eq!(
                told.text(".note.warn"),
                "이 항목은 철회할 수 없습니다.",
                "{item}"
            );
        }
        let refused = visitor.post(WITHDRAW, &[("item", "account_email")]).await;
        assert_eq!(refused.status, 403);
        let left = app.emulator.world().agreed_scopes("linked");
        assert_eq!(left.len(), 3);
        let refused = "audit_events WHERE action = 'kakao.consent.revoke' AND result = 'refused'";
        assert_eq!(
            app.count(refused).await,
            3,
            "what is no item is not written down"
        );
    });
}

// RL-1
#[test]
fn a_kakao_that_does_not_answer_a_withdrawal_leaves_it_open_and_says_so() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "linked").await;
        for fault in [
            Fault::Silence,
            Fault::Status(503),
            Fault::Malformed,
            Fault::Cut.after_effect(),
        ] {
            app.emulator
                .fail(Endpoint::RevokeScopes, fault.clone(), Times::Once);
            let fields = [("item", "account_email")];
            let pressed = visitor.press(PAGE, WITHDRAW, &fields).await;
            let told = visitor.follow(&pressed).await;
            let note = told.text(".note.warn");
            assert!(note.contains("알 수 없습니다"), "{fault:?} {note}");
        }
        let page = visitor.get(PAGE).await;
        assert!(!revocable(&page).contains(&"account_email".to_owned()));
        // The next sign-in takes over what was withdrawn unheard.
        visitor.log_in_as(app, "linked").await;
        let email = "kakao_accounts WHERE email IS NOT NULL";
        assert_eq!(app.count(email).await, 0);
    });
}

// SE-5
#[test]
fn an_item_is_agreed_to_by_the_same_person_in_a_session_that_goes_on() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let before = session(app).await;
        let cookie = visitor.copy();
        app.clock.advance(Duration::minutes(30));
        let page = visitor.get(PAGE).await;
        let ways = asks(&page);
        assert_eq!(ways.len(), 3, "age_range, birthday, gender: {ways:?}");
        let begun = visitor.get(&ways[0]).await;
        assert_eq!(scopes_of(&begun), ("age_range".to_owned(), false));
        let back = agree(app, &visitor, &ways[0], "ordinary").await;
        assert_eq!(back.location(), PAGE);
        let page = visitor.get(PAGE).await;
        assert!(revocable(&page).contains(&"age_range".to_owned()));
        assert_eq!(asks(&page).len(), 2);
        assert_eq!(session(app).await, before, "no fresh proof, no longer life");
        assert_eq!(cookie.get("/me").await.status, 303, "but another key");
        let scopes = app
            .values("SELECT scopes AS value FROM kakao_accounts")
            .await;
        assert!(scopes[0].contains("age_range"), "{scopes:?}");
        let told = "SELECT detail AS value FROM audit_events \
                    WHERE action = 'kakao.consent.ask' AND result = 'success'";
        assert_eq!(app.values(told).await, ["age_range: agreed"]);
        assert_eq!(
            app.count("audit_events WHERE action = 'reauth.kakao'")
                .await,
            0
        );
    });
}

// CB-6, ID-1
#[test]
fn somebody_elses_consent_changes_nothing() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let ways = asks(&visitor.get(PAGE).await);
        let back = agree(app, &visitor, &ways[0], "linked").await;
        assert_eq!(back.leads_to_error(), "other_person");
        assert!(visitor.get("/me").await.body.contains("김하늘"));
        assert_eq!(app.count("members").await, 1);
        let refused = "audit_events WHERE action = 'kakao.consent.ask' AND reason = 'other_person'";
        assert_eq!(app.count(refused).await, 1);
    });
}

// CB-6, SE-5
#[test]
fn a_consent_that_comes_back_to_a_browser_of_somebody_else_takes_nothing_of_theirs_over() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let ways = asks(&visitor.get(PAGE).await);
        let begun = visitor.get(&ways[0]).await;
        visitor.log_in_as(app, "linked").await;
        let theirs = session(app).await;
        app.clock.advance(Duration::minutes(3));
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::All);
        let done = visitor.get(back.strip_prefix(&app.url).unwrap()).await;
        assert_eq!(done.location(), PAGE);
        assert!(visitor.get("/me").await.body.contains("김하늘"));
        assert_ne!(
            session(app).await,
            theirs,
            "neither their age nor their end"
        );
    });
}

#[test]
fn who_does_not_agree_is_back_on_the_page_as_before() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let before = session(app).await;
        let ways = asks(&visitor.get(PAGE).await);
        let begun = visitor.get(&ways[0]).await;
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::Cancel);
        let cancelled = visitor.get(back.strip_prefix(&app.url).unwrap()).await;
        assert_eq!(cancelled.location(), PAGE);
        let page = visitor.follow(&cancelled).await;
        assert_eq!(page.text(".note"), "추가로 동의한 항목이 없습니다.");
        assert_eq!(session(app).await, before);
        assert_eq!(asks(&page).len(), 3);
        let refused = "audit_events WHERE action = 'kakao.consent.ask' AND reason = 'cancelled'";
        assert_eq!(app.count(refused).await, 1);
    });
}

// KL-7
#[test]
fn what_kakao_is_asked_is_not_for_a_visitor_to_choose() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        for query in ["", "?ask=gender", "?ask=", "?ask=%5B%22gender%22%5D"] {
            let page = visitor.get(&format!("/me/kakao/consents/ask{query}")).await;
            assert_eq!(page.location(), PAGE, "{query}");
        }
        let ways = asks(&visitor.get(PAGE).await);
        let elsewhere = ways[0].replace("%2Fme%2Fkakao%2Fconsents", "https%3A%2F%2Fevil.example");
        let back = agree(app, &visitor, &elsewhere, "ordinary").await;
        assert_eq!(back.location(), "/me");
        assert!(
            app.visitor()
                .get(&ways[1])
                .await
                .location()
                .starts_with("/login?")
        );
    });
}

/// The way forward that the error page after `answer` offers first.
async fn one_more(visitor: &Visitor, answer: &Page) -> String {
    assert_eq!(answer.leads_to_error(), "consent_missing");
    let page = visitor.follow(answer).await;
    assert_eq!(page.h1(), "동의가 더 필요합니다");
    assert!(page.text("main p").contains("gender"), "{}", page.body);
    page.attributes("main a", "href").swap_remove(0)
}

// ID-9
#[test]
fn what_was_withdrawn_at_kakao_itself_is_erased_when_it_is_seen() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "linked").await;
        assert!(
            app.emulator
                .world()
                .withdraw_consent("linked", "account_email")
        );
        let page = visitor.get(PAGE).await;
        assert!(!revocable(&page).contains(&"account_email".to_owned()));
        let kept = app
            .values("SELECT COALESCE(email, '-') || ' ' || scopes AS value FROM kakao_accounts")
            .await
            .remove(0);
        assert!(
            kept.starts_with("- ") && !kept.contains("account_email"),
            "{kept}"
        );
        let log = "audit_events WHERE action = 'kakao.consent.revoke'";
        assert_eq!(app.count(log).await, 1);
        visitor.get(PAGE).await;
        assert_eq!(app.count(log).await, 1, "once");
    });
}

// SE-2
#[test]
fn a_session_by_password_stays_one_when_its_person_agrees_to_more() {
    crate::stage::email::stage().everywhere(async |app| {
        let (by_kakao, id) = app.signed_in("ordinary").await;
        app.give_password(&id.to_string(), "파란 기차 일곱 대가 달린다")
            .await;
        let visitor = app.visitor();
        visitor
            .enter("ordinary@example.com", "파란 기차 일곱 대가 달린다")
            .await;
        let begun = visitor.get("/reauth/kakao?next=/me/sessions").await;
        app.emulator
            .fail(Endpoint::Me, Fault::refuse("-402:gender"), Times::Once);
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::All);
        let answer = visitor.get(back.strip_prefix(&app.url).unwrap()).await;
        let way = one_more(&visitor, &answer).await;
        let back = agree(app, &visitor, &way, "ordinary").await;
        assert_eq!(back.location(), "/me/sessions");
        let methods = "SELECT method AS value FROM sessions WHERE ended_at IS NULL";
        let mut methods = app.values(methods).await;
        methods.sort();
        assert_eq!(methods, ["kakao", "password"]);
        assert!(by_kakao.is_in().await);
    });
}

// CB-5: -402 in every flow that reaches it.
#[test]
fn a_missing_consent_anywhere_leads_to_asking_for_exactly_that() {
    everywhere(async |app| {
        let missing = || Fault::refuse("-402:gender,birthday");
        let visitor = app.visitor();
        // Signing in.
        app.emulator.fail(Endpoint::Me, missing(), Times::Once);
        let answer = visitor.log_in(app, "ordinary").await;
        let way = one_more(&visitor, &answer).await;
        let begun = visitor.get(&way).await;
        assert_eq!(scopes_of(&begun), ("gender,birthday".to_owned(), false));
        let back = agree(app, &visitor, &way, "ordinary").await;
        assert_eq!(back.location(), "/me");
        // Proving who one is: the same person is asked, and nobody else.
        let begun = visitor.get("/reauth/kakao?next=/me/sessions").await;
        app.emulator.fail(Endpoint::Me, missing(), Times::Once);
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::All);
        let answer = visitor.get(back.strip_prefix(&app.url).unwrap()).await;
        let way = one_more(&visitor, &answer).await;
        assert!(way.starts_with("/me/kakao/consents/ask?"), "{way}");
        let begun = visitor.get(&way).await;
        assert_eq!(scopes_of(&begun), ("gender,birthday".to_owned(), false));
        let other = agree(app, &visitor, &way, "linked").await;
        assert_eq!(other.leads_to_error(), "other_person");
        let back = agree(app, &visitor, &way, "ordinary").await;
        assert_eq!(back.location(), "/me/sessions");
        // Reading and withdrawing.
        app.emulator.fail(Endpoint::Scopes, missing(), Times::Once);
        let answer = visitor.get(PAGE).await;
        let way = one_more(&visitor, &answer).await;
        let back = agree(app, &visitor, &way, "ordinary").await;
        assert_eq!(back.location(), PAGE);
        app.emulator
            .fail(Endpoint::RevokeScopes, missing(), Times::Once);
        let answer = visitor.press(PAGE, WITHDRAW, &[("item", "gender")]).await;
        let way = one_more(&visitor, &answer).await;
        let begun = visitor.get(&way).await;
        assert_eq!(scopes_of(&begun).0, "gender,birthday");
    });
}

// OT-4
#[test]
fn with_openid_connect_asking_for_an_item_names_openid_and_needs_no_fresh_credentials() {
    let stage = Stage::default().set("KAKAO_OIDC", "on");
    stage.once(async |app| {
        app.emulator.set_oidc(true);
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let ways = asks(&visitor.get(PAGE).await);
        let begun = visitor.get(&ways[0]).await;
        assert_eq!(scopes_of(&begun), ("age_range,openid".to_owned(), false));
        let back = agree(app, &visitor, &ways[0], "ordinary").await;
        assert_eq!(back.location(), PAGE);
    });
}

fn terms() -> Vec<ServiceTerm> {
    vec![
        ServiceTerm::new("service_2026", "이용약관", true),
        ServiceTerm::new("news", "소식", false),
    ]
}

const RECORDED: &str = "consents WHERE item LIKE 'kakao:%'";

// LG-7
#[test]
fn terms_agreed_to_at_kakao_are_recorded_with_their_time() {
    let stage = Stage::default().set("KAKAO_SERVICE_TERMS", "on");
    stage.everywhere(async |app| {
        app.emulator.world().edit_app(|app| app.terms = terms());
        let before = app.emulator.clock().now() - Duration::seconds(2);
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        eventually("recorded", async || app.count(RECORDED).await == 2).await;
        let items = "SELECT item AS value FROM consents WHERE agreed ORDER BY item";
        assert_eq!(
            app.values(items).await,
            ["kakao:news", "kakao:service_2026"]
        );
        let page = visitor.get(PAGE).await;
        let shown = page.texts("#terms ~ dl dt");
        assert_eq!(shown, ["news", "service_2026"]);
        let at = page.attributes("#terms ~ dl time", "datetime");
        let format = &time::format_description::well_known::Rfc3339;
        let at = time::OffsetDateTime::parse(&at[0], format).unwrap();
        assert!(at >= before && at <= app.emulator.clock().now(), "{at}");
        // The same again is no news.
        visitor.log_in_as(app, "ordinary").await;
        eventually("asked again", async || {
            app.emulator.count(Endpoint::ServiceTerms) == 2
        })
        .await;
        assert_eq!(app.count(RECORDED).await, 2);
        // A withdrawal at Kakao is.
        let id = app.emulator.world().user_id("ordinary").unwrap();
        let token = app.emulator.world().live_access_tokens(id).swap_remove(0);
        let revoke = format!("{}/v2/user/revoke/service_terms", app.emulator.url());
        let revoked = visitor.client.post(revoke).bearer_auth(token);
        let revoked = revoked.form(&[("tags", "news")]).send().await.unwrap();
        assert_eq!(revoked.status().as_u16(), 200);
        visitor.log_in_as(app, "ordinary").await;
        eventually("recorded", async || app.count(RECORDED).await == 3).await;
        assert_eq!(app.count("consents WHERE NOT agreed").await, 1);
        let page = visitor.get(PAGE).await;
        assert!(
            page.text("#terms ~ dl").contains("철회 확인"),
            "{}",
            page.body
        );
    });
}

// RL-2
#[test]
fn terms_that_cannot_be_read_hold_nobody_up_and_come_with_the_next_sign_in() {
    let stage = Stage::default().set("KAKAO_SERVICE_TERMS", "on");
    stage.everywhere(async |app| {
        app.emulator.world().edit_app(|app| app.terms = terms());
        for (round, fault) in [
            Fault::Silence,
            Fault::Status(503),
            Fault::Malformed,
            Fault::refuse("-401"),
            Fault::refuse("-3"),
        ]
        .into_iter()
        .enumerate()
        {
            app.emulator
                .fail(Endpoint::ServiceTerms, fault, Times::Always);
            let began = Instant::now();
            app.visitor().log_in_as(app, "ordinary").await;
            assert!(began.elapsed() < Wait::from_secs(3));
            eventually("asked", async || {
                app.emulator.count(Endpoint::ServiceTerms) > round
            })
            .await;
            app.emulator.heal();
        }
        assert_eq!(app.count(RECORDED).await, 0);
        app.visitor().log_in_as(app, "ordinary").await;
        eventually("recorded", async || app.count(RECORDED).await == 2).await;
    });
}

#[test]
fn terms_are_not_asked_for_unless_the_setting_says_so() {
    Stage::default().once(async |app| {
        app.emulator.world().edit_app(|app| app.terms = terms());
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        visitor.get(PAGE).await;
        assert_eq!(app.emulator.count(Endpoint::ServiceTerms), 0);
        assert_eq!(app.count("consents").await, 0);
    });
}
