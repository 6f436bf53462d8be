//! `/me/sessions`: seeing one's devices and logging them out.

use crate::stage::{TestApp, Visitor, eventually, everywhere};

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 \
                     (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1";

async fn signed_in(app: &TestApp, person: &str, agent: &str) -> Visitor {
    let visitor = app.visitor();
    if !agent.is_empty() {
        visitor.always("user-agent", agent);
    }
    visitor.log_in_as(app, person).await;
    visitor
}

/// The addresses that end the other devices shown to `visitor`.
async fn ends(visitor: &Visitor) -> Vec<String> {
    visitor
        .get("/me/sessions")
        .await
        .attributes("form.end", "action")
}

// SE-8
#[test]
fn a_member_sees_their_devices_and_logs_one_out() {
    everywhere(async |app| {
        let desk = signed_in(app, "ordinary", "").await;
        let phone = signed_in(app, "ordinary", PHONE).await;
        let stranger = signed_in(app, "linked", "").await;
        let page = desk.get("/me/sessions").await;
        assert_eq!(
            page.texts("ul.cards > li").len(),
            2,
            "mine and nobody else's"
        );
        assert!(
            page.text("ul.cards > li").contains("이 기기"),
            "this device comes first"
        );
        assert!(page.body.contains("Safari") && page.body.contains("127.0.0.1"));
        let ends = ends(&desk).await;
        assert_eq!(ends.len(), 1, "the device in use is not ended here");
        let done = desk.press("/me/sessions", &ends[0], &[]).await;
        assert_eq!((done.status, done.location()), (303, "/me/sessions"));
        let after = desk.follow(&done).await;
        assert!(
            after.text("[role=status]").contains("로그아웃했습니다"),
            "{}",
            after.body
        );
        assert_eq!(after.texts("ul.cards > li").len(), 1);
        assert_eq!(
            desk.get("/me/sessions").await.text("[role=status]"),
            "",
            "said once"
        );

        let out = phone.get("/me").await;
        assert_eq!(out.location(), "/login?next=%2Fme&reason=revoked");
        let told = phone.follow(&out).await;
        assert!(
            told.text("[role=status]").contains("다른 기기에서"),
            "{}",
            told.body
        );
        assert_eq!(stranger.get("/me").await.status, 200);
        eventually("the phone's Kakao token is revoked", async || {
            app.live_kakao_tokens("ordinary") == 1
        })
        .await;
        assert_eq!(desk.get("/me").await.status, 200);
    });
}

// SE-8
#[test]
fn all_other_devices_go_at_once_and_this_one_stays() {
    everywhere(async |app| {
        let desk = signed_in(app, "ordinary", "").await;
        let others = [
            signed_in(app, "ordinary", PHONE).await,
            signed_in(app, "ordinary", "curl/8").await,
            signed_in(app, "ordinary", "<script>alert(1)</script>").await,
        ];
        let stranger = signed_in(app, "linked", "").await;
        let page = desk.get("/me/sessions").await;
        assert!(!page.body.contains("<script>alert"));
        let done = desk
            .press("/me/sessions", "/me/sessions/end-others", &[])
            .await;
        assert_eq!(done.location(), "/me/sessions");
        let told = desk.follow(&done).await.text("[role=status]");
        assert!(told.contains("3대"), "{told}");
        for other in &others {
            assert!(other.get("/me").await.location().contains("reason=revoked"));
        }
        assert_eq!(desk.get("/me").await.status, 200);
        assert_eq!(stranger.get("/me").await.status, 200);
        eventually("three tokens are revoked", async || {
            app.live_kakao_tokens("ordinary") == 1
        })
        .await;
    });
}

// SE-8, AP-10
#[test]
fn nobody_ends_somebody_elses_session_and_nobody_ends_their_own_there() {
    everywhere(async |app| {
        let desk = signed_in(app, "ordinary", "").await;
        let phone = signed_in(app, "ordinary", PHONE).await;
        let stranger = signed_in(app, "linked", "").await;
        let (of_phone, of_desk) = (ends(&desk).await.remove(0), ends(&phone).await.remove(0));
        for (who, action) in [(&stranger, &of_phone), (&desk, &of_desk)] {
            let done = who.press("/me/sessions", action, &[]).await;
            assert_eq!((done.status, done.location()), (303, "/me/sessions"));
            let told = who.follow(&done).await.text("[role=status]");
            assert_eq!(
                told, "이미 로그아웃된 기기입니다.",
                "as if there were no such session"
            );
        }
        for visitor in [&desk, &phone, &stranger] {
            assert_eq!(visitor.get("/me").await.status, 200);
        }
        // Twice is once.
        desk.press("/me/sessions", &of_phone, &[]).await;
        let again = desk.press("/me/sessions", &of_phone, &[]).await;
        let told = desk.follow(&again).await.text("[role=status]");
        assert_eq!(told, "이미 로그아웃된 기기입니다.");
        for junk in ["x", "%00", "..", "0", "' OR 1=1 --"] {
            let action = format!("/me/sessions/{}/end", junk.replace(' ', "%20"));
            let page = desk.press("/me/sessions", &action, &[]).await;
            assert!([404, 405].contains(&page.status), "{junk}: {}", page.status);
        }
        assert_eq!(desk.get("/me").await.status, 200);
    });
}
