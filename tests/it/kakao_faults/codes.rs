//! Refusals in Kakao's two languages, by their codes.

use kakao_gate::emulator::{Endpoint, Fault};

use super::patient;
use super::told::{nothing_was_made, page, told};
use crate::stage::eventually;

/// A refusal with this status and body.
fn answer(status: u16, body: String) -> Fault {
    Fault::Answer {
        status,
        content_type: "application/json;charset=UTF-8".to_owned(),
        body,
    }
}

// CB-2, RL-3
#[test]
fn every_code_of_the_token_call_leads_to_its_page() {
    patient().once(async |app| {
        for (id, codes) in [
            ("kakao_down", &[3][..]),
            ("kakao_limit", &[237]),
            ("code_used", &[320]),
            ("redirect_mismatch", &[303]),
            ("consent_missing", &[203]),
            (
                "bad_client",
                &[
                    1, 2, 4, 5, 6, 7, 8, 9, 10, 23, 33, 101, 102, 114, 125, 126, 127, 201, 202,
                    204, 205, 207, 310, 319,
                ],
            ),
            ("kakao_bad_reply", &[322, 400, 401, 402, 403, 999]),
        ] {
            for code in codes {
                let code = format!("KOE{code:03}");
                told(app, Endpoint::Token, Fault::refuse(&code), id).await;
                let body = format!(
                    r#"{{"error":"some_error","error_description":"d","error_code":"{code}"}}"#
                );
                for status in [400, 401] {
                    told(app, Endpoint::Token, answer(status, body.clone()), id).await;
                }
            }
        }
        app.visitor().log_in_as(app, "ordinary").await;
    });
}

// CB-2, RL-3
#[test]
fn every_code_of_the_user_call_leads_to_its_page() {
    patient().once(async |app| {
        for (id, codes) in [
            ("kakao_down", &[-1, -7, -603, -9798][..]),
            ("kakao_limit", &[-10]),
            ("under14", &[-406]),
            ("consent_missing", &[-402]),
            (
                "bad_client",
                &[
                    -2, -3, -4, -5, -6, -8, -9, -11, -12, -102, -201, -301, -421, -422, -423, -501,
                    -502, -504, -530, -531, -532, -602, -606, -903, -911,
                ],
            ),
            (
                "kakao_bad_reply",
                &[
                    -101, -103, -401, -405, -451, -452, -453, -480, -481, -9999, 0,
                ],
            ),
        ] {
            for code in codes {
                if *code != 0 {
                    let fault = Fault::refuse(&code.to_string());
                    told(app, Endpoint::Me, fault, id).await;
                }
                let body = format!(r#"{{"msg":"words","code":{code}}}"#);
                told(app, Endpoint::Me, answer(400, body), id).await;
            }
        }
        app.visitor().log_in_as(app, "ordinary").await;
    });
}

// CB-2
#[test]
fn what_kakao_misses_is_asked_for_when_the_person_says_so() {
    patient().once(async |app| {
        let visitor = app.visitor();
        let fault = Fault::refuse("-402");
        app.emulator
            .fail(Endpoint::Me, fault, kakao_gate::emulator::Times::Once);
        let refused = visitor.log_in(app, "ordinary").await;
        let shown = visitor.follow(&refused).await;
        page(&shown, "consent_missing");
        assert!(
            shown.text("main").contains("이메일"),
            "{}",
            shown.text("main")
        );
        let ways = shown.attributes("main a", "href");
        let begun = visitor.get(&ways[0]).await;
        assert_eq!(begun.status, 303);
        let asked = url::Url::parse(begun.location()).unwrap();
        let scope = asked.query_pairs().find(|(name, _)| name == "scope");
        assert_eq!(scope.unwrap().1, "account_email");
        assert_eq!(app.emulator.count(Endpoint::Token), 1, "nothing by itself");
        nothing_was_made(app).await;
    });
}

// LG-7
#[test]
fn the_link_to_somebody_under_fourteen_is_taken_apart() {
    patient().once(async |app| {
        told(app, Endpoint::Me, Fault::refuse("-406"), "under14").await;
        eventually("unlinked", async || {
            !app.emulator.world().is_linked("ordinary")
        })
        .await;
        assert_eq!(app.emulator.count(Endpoint::Unlink), 1);
    });
}

// CB-2, WB-3
#[test]
fn an_english_browser_is_told_in_english() {
    patient().once(async |app| {
        for (fault, title) in [
            ("KOE003", "We cannot reach Kakao"),
            ("KOE237", "Kakao login is busy"),
            ("KOE010", "Our login settings have a problem"),
            ("KOE320", "That login attempt has expired"),
            ("malformed", "We could not verify the reply from Kakao"),
        ] {
            let visitor = app.visitor();
            visitor.always("accept-language", "en");
            let fault = fault.parse().unwrap();
            app.emulator
                .fail(Endpoint::Token, fault, kakao_gate::emulator::Times::Once);
            let refused = visitor.log_in(app, "ordinary").await;
            assert_eq!(visitor.follow(&refused).await.h1(), title);
        }
    });
}
