//! One act on several members.

use kakao_gate::member::MemberId;

use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor, everywhere};

const WHY: &str = "한꺼번에 만든 계정";
const CONFIRM: &str = "/admin/members/bulk";
const APPLY: &str = "/admin/members/bulk/apply";

/// What a list sends when these are ticked.
async fn tick(admin: &Visitor, action: &str, rows: &[(MemberId, &str)], back: &str) -> Page {
    let csrf = admin.get("/me").await.csrf();
    let names: Vec<String> = rows.iter().map(|(id, _)| format!("id-{id}")).collect();
    let mut fields = vec![("csrf", csrf.as_str()), ("action", action), ("back", back)];
    let versions = rows.iter().map(|(_, version)| *version);
    fields.extend(names.iter().map(String::as_str).zip(versions));
    admin.post(CONFIRM, &fields).await
}

/// Sends the confirm page with this reason.
async fn apply(admin: &Visitor, page: &Page, reason: &str) -> Page {
    let names = page.attributes("form[action$=apply] input[type=hidden]", "name");
    let values = page.attributes("form[action$=apply] input[type=hidden]", "value");
    let mut fields: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(values.iter().map(String::as_str))
        .collect();
    fields.push(("reason", reason));
    admin.post(APPLY, &fields).await
}

/// What the notice says, on a page that shows it.
async fn told(app: &TestApp, admin: &Visitor) -> Page {
    let someone = app.member_of("linked").await;
    admin.get(&format!("/admin/members/{someone}")).await
}

// AD-1
#[test]
fn nothing_ticked_too_much_ticked_and_nonsense_lead_back_to_the_list() {
    Stage::default().once(async |app| {
        let (admin, id) = app.with_role("linked", "admin").await;
        let (_, member) = app.signed_in("ordinary").await;
        let many: Vec<(MemberId, &str)> = (0..101_u128)
            .map(|place| (MemberId(uuid::Uuid::from_u128(place)), "1"))
            .collect();
        let list = "/admin/members?status=active&page=2";
        for (action, rows, back, leads, says) in [
            (
                "kick",
                &[][..],
                "",
                "/admin/members",
                "회원을 한 명 이상 선택해 주세요.",
            ),
            ("kick", &[], list, list, "회원을 한 명 이상 선택해 주세요."),
            (
                "kick",
                &[],
                "status=active&page=2",
                list,
                "회원을 한 명 이상 선택해 주세요.",
            ),
            (
                "kick",
                &[],
                "//evil.example/",
                "/admin/members",
                "회원을 한 명 이상",
            ),
            (
                "kick",
                &many,
                "",
                "/admin/members",
                "한 번에 100명까지 처리할 수 있습니다.",
            ),
            (
                "",
                &[(member, "1")],
                "",
                "/admin/members",
                "작업을 선택해 주세요.",
            ),
            (
                "role",
                &[(member, "1")],
                "",
                "/admin/members",
                "작업을 선택해 주세요.",
            ),
        ] {
            let answer = tick(&admin, action, rows, back).await;
            assert_eq!(
                (answer.status, answer.location()),
                (303, leads),
                "{action} {back}"
            );
            let page = told(app, &admin).await;
            assert!(
                page.text("[role=alert]").contains(says),
                "{}",
                page.text("[role=alert]")
            );
        }
        for version in ["", "x", "1.5"] {
            let answer = tick(&admin, "kick", &[(member, version)], "").await;
            assert_eq!(answer.status, 400, "{version:?}");
        }
        let csrf = admin.get("/me").await.csrf();
        let nonsense = [("csrf", csrf.as_str()), ("action", "kick"), ("id-x", "1")];
        assert_eq!(admin.post(CONFIRM, &nonsense).await.status, 400);
        assert_eq!(app.of_member("version", member).await, "1");
        assert_eq!(app.of_member("version", id).await, "1");
    });
}

// AD-1, AD-4, AD-5
#[test]
fn each_member_is_done_or_left_out_for_a_reason_that_is_told() {
    everywhere(async |app| {
        let (admin, own) = app.with_role("linked", "admin").await;
        let (_, above) = app.with_role("no-email", "owner").await;
        let (device, plain) = app.signed_in("ordinary").await;
        let (_, changed) = app.signed_in("minimal").await;
        let (_, barred) = app.signed_in("long-id").await;
        let (_, left) = app.signed_in("unverified-email").await;
        let (_, late) = app.signed_in("stale-email").await;
        let database = &app.backends().database;
        database.execute(&format!(
            "UPDATE members SET version = 5 WHERE id = '{changed}'"
        ));
        let set = |id: MemberId, standing: &str| {
            let sql = format!("UPDATE members SET standing = '{standing}' WHERE id = '{id}'");
            database.execute(&sql);
        };
        set(barred, "suspended");
        set(left, "withdrawn");
        let nobody = MemberId(uuid::Uuid::from_u128(7));
        let rows = [own, above, plain, changed, barred, left, late, nobody].map(|id| (id, "1"));
        let page = tick(&admin, "suspend", &rows, "/admin/members?per=50").await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.h1(), "이용 정지: 회원 8명에게 적용합니다");
        assert!(page.body.contains("모든 기기에서 바로 로그아웃되고"));
        assert!(page.body.contains("김*늘") && !page.body.contains("김하늘"));
        assert_eq!(page.texts(".picks li").len(), 7);
        assert_eq!(
            page.texts(".picks small").len(),
            5,
            "{:?}",
            page.texts(".picks small")
        );
        let looked = "audit_events WHERE action = 'member.list' AND detail LIKE 'suspend, %'";
        assert_eq!(app.count(looked).await, 1);

        let refused = apply(&admin, &page, "왜").await;
        assert_eq!(refused.status, 200);
        assert_eq!(refused.attributes("#errsum a", "href"), ["#reason"]);
        assert_eq!(refused.text("#reason"), "왜");
        assert_eq!(app.of_member("standing", plain).await, "active");

        // Meanwhile:
        database.execute(&format!(
            "UPDATE members SET version = 2 WHERE id = '{late}'"
        ));
        let done = apply(&admin, &refused, WHY).await;
        assert_eq!(
            (done.status, done.location()),
            (303, "/admin/members?per=50")
        );
        assert!(done.set_cookie("kg-notice").len() < 4_096);
        let notice = told(app, &admin).await;
        let said = notice.text(".note.warn p");
        assert_eq!(said, "1명 처리, 7명 제외했습니다.");
        let reasons = notice.texts(".note.warn li");
        assert_eq!(reasons.len(), 5, "{reasons:?}");
        for why in [
            "자신의 계정에는",
            "권한이 없습니다",
            "다른 관리자가 변경했습니다",
            "이미 처리된",
            "탈퇴했거나 없는",
        ] {
            assert!(
                reasons.iter().any(|reason| reason.contains(why)),
                "{why} in {reasons:?}"
            );
        }
        for (id, standing) in [
            (own, "active"),
            (above, "active"),
            (plain, "suspended"),
            (changed, "active"),
            (barred, "suspended"),
            (left, "withdrawn"),
            (late, "active"),
        ] {
            assert_eq!(app.of_member("standing", id).await, standing);
        }
        assert_eq!(device.get("/me").await.status, 303);
        let told = app.told_of(plain, "member.suspend").await;
        assert!(told[0].contains(WHY), "{told:?}");

        // Sent once more, nothing more happens.
        let again = apply(&admin, &refused, WHY).await;
        assert_eq!(again.status, 303);
        assert_eq!(app.told_of(plain, "member.suspend").await.len(), 1);
    });
}

// AD-5
#[test]
fn members_are_logged_out_and_restored_together() {
    everywhere(async |app| {
        let (admin, _) = app.with_role("linked", "admin").await;
        let mut devices = Vec::new();
        for person in ["ordinary", "no-email", "minimal"] {
            devices.push(app.signed_in(person).await);
        }
        let rows = |version| {
            let rows: Vec<(MemberId, &str)> =
                devices.iter().map(|(_, id)| (*id, version)).collect();
            rows
        };
        for (act, version, says) in [
            ("kick", "1", "3명 처리, 0명 제외했습니다."),
            ("suspend", "2", "3명 처리, 0명 제외했습니다."),
            ("restore", "3", "3명 처리, 0명 제외했습니다."),
        ] {
            let page = tick(&admin, act, &rows(version), "").await;
            assert_eq!(page.texts(".picks small"), Vec::<String>::new(), "{act}");
            apply(&admin, &page, WHY).await;
            let notice = told(app, &admin).await;
            assert_eq!(notice.text(".note.ok p"), says, "{act}");
            for (device, _) in &devices {
                assert_eq!(device.get("/me").await.status, 303, "{act}");
            }
        }
        for (_, id) in &devices {
            assert_eq!(app.of_member("standing", *id).await, "active");
            assert_eq!(app.of_member("version", *id).await, "4");
        }
    });
}

// AD-8, AD-4
#[test]
fn several_members_take_a_fresh_proof_and_an_audit_log_that_takes_entries() {
    everywhere(async |app| {
        let (admin, _) = app.with_role("linked", "admin").await;
        let (_, member) = app.signed_in("ordinary").await;
        let rows = [(member, "1")];
        let page = tick(&admin, "suspend", &rows, "").await;
        app.lock_audit_log(true);
        let unseen = tick(&admin, "suspend", &rows, "").await;
        assert!(unseen.status >= 500 && !unseen.body.contains("김*늘"));
        let unreached = apply(&admin, &page, WHY).await;
        app.lock_audit_log(false);
        assert_eq!(unreached.status, 303);
        let notice = told(app, &admin).await;
        assert_eq!(notice.text(".note.warn p"), "0명 처리, 1명 제외했습니다.");
        assert!(
            notice
                .text(".note.warn li")
                .starts_with("데이터베이스가 응답하지 않아")
        );
        assert_eq!(app.of_member("version", member).await, "1");

        app.clock.advance(time::Duration::minutes(11));
        for answer in [
            tick(&admin, "suspend", &rows, "/admin/members?per=50").await,
            apply(&admin, &page, WHY).await,
        ] {
            assert_eq!(answer.status, 303);
            let leads = answer.location();
            assert!(
                leads.starts_with("/reauth?next=%2Fadmin%2Fmembers"),
                "{leads}"
            );
        }
        assert_eq!(app.of_member("version", member).await, "1");
    });
}
