//! `/auth/kakao` and its callback: the story of one login, and of those that fail.

use kakao_gate::emulator::Endpoint;

use crate::stage::everywhere;

// KL-1, KL-5, CB-8, TK-6
#[test]
fn a_person_signs_in_sees_their_page_and_signs_out() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let login = visitor.get("/login").await;
        assert_eq!(login.status, 200);
        assert_eq!(login.text("a.kakao"), "카카오 로그인");
        assert!(
            login.headers.get("set-cookie").is_none(),
            "looking costs no cookie"
        );

        visitor.log_in_as(app, "ordinary").await;
        let me = visitor.get("/me").await;
        assert_eq!(me.status, 200);
        assert!(
            me.texts("bdi").contains(&"김하늘".to_owned()),
            "{}",
            me.body
        );

        let token = app
            .emulator
            .requests()
            .into_iter()
            .find(|r| r.endpoint == Some(Endpoint::Token));
        let token = token.unwrap();
        assert_eq!(token.query, []);
        let names: Vec<_> = token.form.iter().map(|(name, _)| name.as_str()).collect();
        for name in [
            "grant_type",
            "client_id",
            "redirect_uri",
            "code",
            "code_verifier",
            "client_secret",
        ] {
            assert_eq!(
                names.iter().filter(|n| **n == name).count(),
                1,
                "{name} in {names:?}"
            );
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 1);
        assert_eq!(app.emulator.count(Endpoint::Me), 1);

        let out = visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!((out.status, out.location()), (303, "/logged-out"));
        assert_eq!(visitor.get("/me").await.status, 303);
    });
}
