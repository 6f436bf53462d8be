//! Answers that never come, come broken, or are no answers.

use std::time::Duration;

use kakao_gate::emulator::{Endpoint, Fault};

use super::told::told;
use super::{impatient, patient};
use crate::stage::loopback::Bystander;

const BOTH: [Endpoint; 2] = [Endpoint::Token, Endpoint::Me];

// RL-1, CB-3, CB-5
#[test]
fn an_answer_that_does_not_arrive_whole_means_that_kakao_is_down() {
    impatient().once(async |app| {
        for fault in [
            Fault::Silence,
            Fault::Drip(Duration::from_secs(1)),
            Fault::Delay(Duration::from_secs(2)),
        ] {
            for endpoint in BOTH {
                told(app, endpoint, fault.clone(), "kakao_down").await;
            }
        }
    });
    patient().once(async |app| {
        for fault in [Fault::Cut, Fault::CutBody, Fault::WrongLength] {
            for endpoint in BOTH {
                told(app, endpoint, fault.clone(), "kakao_down").await;
            }
        }
        app.visitor().log_in_as(app, "ordinary").await;
    });
}

// CB-5, IN-5
#[test]
fn an_answer_that_is_not_kakaos_is_not_believed() {
    patient().once(async |app| {
        let json = |body: &str| Fault::Answer {
            status: 200,
            content_type: "application/json;charset=UTF-8".to_owned(),
            body: body.to_owned(),
        };
        for fault in [
            Fault::Html(200),
            Fault::Malformed,
            Fault::Large(50 << 20),
            Fault::Endless,
            Fault::Status(200),
            Fault::Status(204),
            json(""),
            json("null"),
            json("[]"),
            json("{}"),
            json(r#"{"id":"2900000001"}"#),
            json(r#"{"id":0}"#),
            json(r#"{"id":1e3}"#),
            json(r#"{"id":9223372036854775808}"#),
            json(r#"{"access_token":"a","token_type":"bearer"}"#),
            json(r#"{"access_token":"","refresh_token":"r","token_type":"bearer","expires_in":1,"refresh_token_expires_in":2}"#),
        ] {
            for endpoint in BOTH {
                told(app, endpoint, fault.clone(), "kakao_bad_reply").await;
            }
        }
        app.visitor().log_in_as(app, "ordinary").await;
    });
}

// CF-2, TK-6
#[test]
fn a_redirect_is_not_followed() {
    patient().once(async |app| {
        let elsewhere = Bystander::new();
        for endpoint in BOTH {
            let fault = Fault::Redirect(elsewhere.url());
            told(app, endpoint, fault, "kakao_bad_reply").await;
        }
        for status in [300, 301, 303, 304, 307, 308] {
            for endpoint in BOTH {
                told(app, endpoint, Fault::Status(status), "kakao_bad_reply").await;
            }
        }
        assert!(!elsewhere.was_called(), "a code or token went elsewhere");
    });
}

// RL-1, RL-3
#[test]
fn a_status_without_a_word_decides_by_itself() {
    patient().once(async |app| {
        for status in [
            500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 529, 599, 408,
        ] {
            for endpoint in BOTH {
                told(app, endpoint, Fault::Status(status), "kakao_down").await;
            }
        }
        for endpoint in BOTH {
            told(app, endpoint, Fault::Html(502), "kakao_down").await;
            told(app, endpoint, Fault::Html(503), "kakao_down").await;
            told(app, endpoint, Fault::Status(429), "kakao_limit").await;
        }
        // Of the token call a 401 is about our key, of user/me about a token just issued.
        told(app, Endpoint::Token, Fault::Status(401), "bad_client").await;
        told(app, Endpoint::Me, Fault::Status(401), "kakao_bad_reply").await;
        for status in [
            400, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418,
            421, 422, 423, 424, 425, 426, 428, 431, 451, 499,
        ] {
            for endpoint in BOTH {
                told(app, endpoint, Fault::Status(status), "kakao_bad_reply").await;
            }
        }
    });
}
