//! What Kakao's refusals mean: two error languages, one [`Kind`].
//!
//! Decisions rest on the numbers, never on the texts beside them, which may change. One
//! exception: a -401 says only in its text that our address or key, not the token, is refused.

use std::time::Duration;

use serde_json::Value;

use super::error::{Call, Code, Kind};

/// Longest scope id believed, and most of them, when Kakao lists what it misses (-402).
const LONGEST_SCOPE: usize = 64;
const MOST_SCOPES: usize = 32;

/// The meaning of an answer whose status is not 2xx.
pub(super) fn refusal(
    call: Call,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> (Kind, Option<Code>) {
    // An empty, cut or HTML body says nothing: the status decides.
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    let code = match call {
        Call::Token => koe(&body),
        _ => api_code(&body),
    };
    let kind = match (status, code) {
        (300..=399, _) => Kind::BadReply("a redirect"),
        // Whatever the body claims, a server that fails must not sign anybody out.
        (500.., _) => Kind::Temporary,
        (429, _) => Kind::Limited { retry_after },
        (_, Some(Code::Koe(number))) => by_koe(number, retry_after),
        (_, Some(Code::Api(number))) => by_api_code(call, number, retry_after, &body),
        (408, None) => Kind::Temporary,
        (401, None) if call.by_admin() => Kind::BadClient,
        (_, None) if call == Call::Token => by_error_name(&body, status),
        (401, None) => Kind::Unauthorized,
        (_, None) => Kind::BadReply("an error without a code"),
    };
    (kind, code)
}

fn koe(body: &Value) -> Option<Code> {
    let digits = body.get("error_code")?.as_str()?.strip_prefix("KOE")?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().map(Code::Koe)
}

fn api_code(body: &Value) -> Option<Code> {
    let number = body.get("code")?.as_i64()?;
    i32::try_from(number).ok().map(Code::Api)
}

/// Kakao's list of KOE codes (카카오 로그인 > 문제 해결).
fn by_koe(number: u16, retry_after: Option<Duration>) -> Kind {
    match number {
        3 => Kind::Temporary,
        320 => Kind::CodeUsed,
        322 => Kind::RefreshTokenGone,
        303 => Kind::RedirectMismatch,
        237 => Kind::Limited { retry_after },
        203 => Kind::ConsentMissing { scopes: Vec::new() },
        125 => Kind::Sanctioned,
        4 | 8 | 9 | 10 | 33 | 101 | 114 | 126 | 127 => Kind::BadClient,
        1 | 2 | 5 | 6 | 7 | 23 | 102 | 201 | 202 | 204 | 205 | 207 | 310 | 319 => {
            Kind::Configuration
        }
        _ => Kind::BadReply("an unknown KOE code"),
    }
}

/// The names of RFC 6749 section 5.2 and the further ones of Kakao's SDKs, for answers without
/// a KOE code, which older servers of Kakao gave.
fn by_error_name(body: &Value, status: u16) -> Kind {
    match body.get("error").and_then(Value::as_str) {
        Some("invalid_grant") => Kind::CodeUsed,
        Some("invalid_client" | "misconfigured" | "unauthorized") => Kind::BadClient,
        Some("unauthorized_client") => Kind::Sanctioned,
        Some("invalid_request" | "invalid_scope" | "unsupported_grant_type") => Kind::Configuration,
        Some("server_error" | "temporarily_unavailable") => Kind::Temporary,
        _ if status == 401 => Kind::BadClient,
        _ => Kind::BadReply("an error without a code"),
    }
}

/// Kakao's list of API codes (REST API > 에러 코드). Trouble on Kakao's side comes as HTTP 400
/// too, so the status alone must not decide.
fn by_api_code(call: Call, number: i32, retry_after: Option<Duration>, body: &Value) -> Kind {
    match number {
        -1 | -7 | -603 | -9798 => Kind::Temporary,
        -10 => Kind::Limited { retry_after },
        -4 | -12 => Kind::Sanctioned,
        -101 => Kind::NotLinked,
        -103 => Kind::AccountGone,
        -401 if call.by_admin() || blames_client(body) => Kind::BadClient,
        -401 => Kind::Unauthorized,
        // Of this one call Kakao says that -2 may also mean a malformed token.
        -2 if call == Call::TokenInfo => Kind::Unauthorized,
        -402 => Kind::ConsentMissing {
            scopes: required_scopes(body),
        },
        -406 => Kind::Under14,
        -405 | -451 | -452 | -453 | -480 | -481 => Kind::AgeUnverified,
        -2 | -3 | -5 | -6 | -8 | -9 | -11 | -102 | -201 | -301 | -421 | -422 | -423 | -501
        | -502 | -504 | -530 | -531 | -532 | -602 | -606 | -903 | -911 => Kind::Configuration,
        _ => Kind::BadReply("an unknown code"),
    }
}

/// Whether a -401 is about where the call came from or with which key, in which case no other
/// token would do better.
fn blames_client(body: &Value) -> bool {
    let text = body.get("msg").and_then(Value::as_str).unwrap_or_default();
    [
        "ip mismatched",
        "domain mismatched",
        "invalid app key",
        "appKey(",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

/// The scopes that a -402 asks for. They end up in an address, so only what looks like a scope
/// id is taken.
fn required_scopes(body: &Value) -> Vec<String> {
    let listed = body.get("required_scopes").and_then(Value::as_array);
    listed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|scope| is_scope_id(scope))
        .take(MOST_SCOPES)
        .map(str::to_owned)
        .collect()
}

pub(super) fn is_scope_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    !text.is_empty() && text.len() <= LONGEST_SCOPE && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kakao::error::Fault;
    use crate::kakao::wire::tests::fixture;

    const LIMITED: Kind = Kind::Limited { retry_after: None };
    const UNASKED: Kind = Kind::ConsentMissing { scopes: Vec::new() };

    fn meaning(call: Call, status: u16, body: &str) -> Kind {
        refusal(call, status, None, body.as_bytes()).0
    }

    // RL-3 and the list of KOE codes.
    #[test]
    fn every_known_koe_code_has_its_meaning() {
        let table: [(&[u16], Kind); 9] = [
            (&[3], Kind::Temporary),
            (&[320], Kind::CodeUsed),
            (&[322], Kind::RefreshTokenGone),
            (&[303], Kind::RedirectMismatch),
            (&[237], LIMITED),
            (&[203], UNASKED),
            (&[125], Kind::Sanctioned),
            (&[4, 8, 9, 10, 33, 101, 114, 126, 127], Kind::BadClient),
            (
                &[1, 2, 5, 6, 7, 23, 102, 201, 202, 204, 205, 207, 310, 319],
                Kind::Configuration,
            ),
        ];
        for (numbers, kind) in &table {
            for number in *numbers {
                for status in [400, 401] {
                    let body = format!(r#"{{"error":"any","error_code":"KOE{number:03}"}}"#);
                    let found = refusal(Call::Token, status, None, body.as_bytes());
                    assert_eq!(found, (kind.clone(), Some(Code::Koe(*number))), "{body}");
                }
            }
        }
        // Problems of an ID token sent to a call that this client does not make.
        for number in [400, 401, 402, 403, 999] {
            let body = format!(r#"{{"error_code":"KOE{number}"}}"#);
            assert_eq!(
                meaning(Call::Token, 400, &body),
                Kind::BadReply("an unknown KOE code")
            );
        }
    }

    // RL-3 and the list of API codes.
    #[test]
    fn every_known_api_code_has_its_meaning_whatever_the_4xx_status() {
        let table: [(&[i32], Kind); 10] = [
            (&[-1, -7, -603, -9798], Kind::Temporary),
            (&[-10], LIMITED),
            (&[-4, -12], Kind::Sanctioned),
            (&[-101], Kind::NotLinked),
            (&[-103], Kind::AccountGone),
            (&[-401], Kind::Unauthorized),
            (&[-402], UNASKED),
            (&[-406], Kind::Under14),
            (&[-405, -451, -452, -453, -480, -481], Kind::AgeUnverified),
            (
                &[
                    -2, -3, -5, -6, -8, -9, -11, -102, -201, -301, -421, -422, -423, -501, -502,
                    -504, -530, -531, -532, -602, -606, -903, -911,
                ],
                Kind::Configuration,
            ),
        ];
        for (numbers, kind) in &table {
            for number in *numbers {
                for status in [400, 401, 403] {
                    let body = format!(r#"{{"msg":"any","code":{number}}}"#);
                    let found = refusal(Call::User, status, None, body.as_bytes());
                    assert_eq!(found, (kind.clone(), Some(Code::Api(*number))), "{body}");
                }
            }
        }
        assert_eq!(
            meaning(Call::User, 400, r#"{"code":-9999}"#),
            Kind::BadReply("an unknown code")
        );
    }

    #[test]
    fn a_401_is_about_the_key_when_a_key_was_used_and_about_the_token_otherwise() {
        let unknown_token = fixture("api_error_401.json");
        assert_eq!(meaning(Call::User, 401, &unknown_token), Kind::Unauthorized);
        assert_eq!(meaning(Call::Unlink, 401, ""), Kind::Unauthorized);
        for call in [
            Call::UserByAdmin,
            Call::LogoutEverywhere,
            Call::UnlinkByAdmin,
        ] {
            assert_eq!(meaning(call, 401, &unknown_token), Kind::BadClient);
            assert_eq!(meaning(call, 401, ""), Kind::BadClient);
        }
        let address = fixture("api_error_401_ip.json");
        assert_eq!(meaning(Call::Logout, 401, &address), Kind::BadClient);
    }

    #[test]
    fn a_malformed_token_shows_as_minus_2_in_token_info_alone() {
        let body = fixture("api_error_2.json");
        assert_eq!(meaning(Call::TokenInfo, 400, &body), Kind::Unauthorized);
        assert_eq!(meaning(Call::User, 400, &body), Kind::Configuration);
    }

    #[test]
    fn a_failing_server_or_a_limit_shows_in_the_status_whatever_the_body_says() {
        for call in [Call::Token, Call::User, Call::Logout] {
            for body in [
                "",
                "<html>",
                r#"{"code":-401}"#,
                r#"{"error_code":"KOE320"}"#,
            ] {
                assert_eq!(meaning(call, 500, body), Kind::Temporary, "{body}");
                assert_eq!(meaning(call, 503, body), Kind::Temporary, "{body}");
                assert_eq!(meaning(call, 429, body), LIMITED, "{body}");
                assert_eq!(
                    meaning(call, 302, body),
                    Kind::BadReply("a redirect"),
                    "{body}"
                );
            }
        }
        let wait = Some(Duration::from_secs(30));
        let limited = refusal(Call::Token, 429, wait, b"").0;
        assert_eq!(limited, Kind::Limited { retry_after: wait });
    }

    #[test]
    fn without_a_koe_code_the_error_name_decides() {
        let named = |name| meaning(Call::Token, 400, &format!(r#"{{"error":"{name}"}}"#));
        assert_eq!(named("invalid_grant"), Kind::CodeUsed);
        assert_eq!(named("invalid_client"), Kind::BadClient);
        assert_eq!(named("misconfigured"), Kind::BadClient);
        assert_eq!(named("unauthorized_client"), Kind::Sanctioned);
        assert_eq!(named("invalid_request"), Kind::Configuration);
        assert_eq!(named("server_error"), Kind::Temporary);
        assert_eq!(named("new_name"), Kind::BadReply("an error without a code"));
        assert_eq!(meaning(Call::Token, 401, "<html>"), Kind::BadClient);
        for odd in [
            "",
            "[]",
            "null",
            r#"{"error":7,"error_code":320}"#,
            r#"{"error_code":"KOE-1"}"#,
        ] {
            let kind = meaning(Call::Token, 400, odd);
            assert_eq!(kind, Kind::BadReply("an error without a code"), "{odd}");
        }
    }

    #[test]
    fn missing_consent_names_the_scopes_and_only_well_formed_ones() {
        let body = fixture("api_error_402.json");
        let kind = meaning(Call::User, 403, &body);
        assert_eq!(
            kind,
            Kind::ConsentMissing {
                scopes: vec!["account_email".into()]
            }
        );
        let hostile = r#"{"code":-402,"required_scopes":["a,b","a b","","ok_1",7,"가"]}"#;
        let kind = meaning(Call::User, 403, hostile);
        assert_eq!(
            kind,
            Kind::ConsentMissing {
                scopes: vec!["ok_1".into()]
            }
        );
    }

    #[test]
    fn the_recorded_errors_of_kakao_are_understood() {
        let table = [
            ("token_error_koe003.json", Call::Token, 400, Fault::Kakao),
            (
                "token_error_koe009.json",
                Call::Token,
                400,
                Fault::Configuration,
            ),
            (
                "token_error_koe010.json",
                Call::Token,
                401,
                Fault::Configuration,
            ),
            (
                "token_error_koe101.json",
                Call::Token,
                401,
                Fault::Configuration,
            ),
            (
                "token_error_koe114.json",
                Call::Token,
                400,
                Fault::Configuration,
            ),
            ("token_error_koe237.json", Call::Token, 400, Fault::Rate),
            (
                "token_error_koe303.json",
                Call::Token,
                400,
                Fault::Configuration,
            ),
            ("token_error_koe320.json", Call::Token, 400, Fault::Person),
            ("token_error_koe322.json", Call::Token, 400, Fault::Person),
            ("api_error_1.json", Call::User, 400, Fault::Kakao),
            ("api_error_2.json", Call::User, 400, Fault::Configuration),
            ("api_error_3.json", Call::User, 403, Fault::Configuration),
            ("api_error_4.json", Call::User, 403, Fault::Sanctioned),
            ("api_error_7.json", Call::User, 400, Fault::Kakao),
            ("api_error_10.json", Call::User, 400, Fault::Rate),
            (
                "api_error_101.json",
                Call::UnlinkByAdmin,
                400,
                Fault::Person,
            ),
            (
                "api_error_103.json",
                Call::UnlinkByAdmin,
                400,
                Fault::Person,
            ),
            ("api_error_401.json", Call::User, 401, Fault::Person),
            ("api_error_401_expired.json", Call::User, 401, Fault::Person),
            (
                "api_error_401_ip.json",
                Call::User,
                401,
                Fault::Configuration,
            ),
            (
                "api_error_401_admin_key.json",
                Call::UnlinkByAdmin,
                401,
                Fault::Configuration,
            ),
            ("api_error_402.json", Call::User, 403, Fault::Person),
            ("api_error_406.json", Call::User, 401, Fault::Person),
            ("api_error_603.json", Call::User, 400, Fault::Kakao),
            ("api_error_9798.json", Call::User, 503, Fault::Kakao),
        ];
        for (file, call, status, fault) in table {
            let (kind, code) = refusal(call, status, None, fixture(file).as_bytes());
            assert_eq!(kind.fault(), fault, "{file}: {kind:?}");
            assert!(code.is_some(), "{file}");
        }
    }
}
