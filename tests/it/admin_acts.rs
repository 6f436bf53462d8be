//! What an admin does to one member, and what keeps them from it.

use futures_util::future::join;
use kakao_gate::emulator::{Endpoint, Fault, Times};
use kakao_gate::flow::Origin;
use kakao_gate::flow::admin::{Act, Actor, Reason, Refusal, Target};
use kakao_gate::member::{MemberId, Role};

use crate::stage::email::stage;
use crate::stage::page::Page;
use crate::stage::{Stage, Visitor, eventually, everywhere};

const WHY: &str = "광고 글을 여러 번 올림";

fn page_of(member: MemberId) -> String {
    format!("/admin/members/{member}")
}

/// Fills in the page before an act, as it is now, and sends it.
async fn send(admin: &Visitor, member: MemberId, act: &str, fields: &[(&str, &str)]) -> Page {
    let path = format!("{}/{act}", page_of(member));
    let form = admin.get(&path).await;
    assert_eq!(form.status, 200, "{path}: {}", form.body);
    send_from(admin, &form, &path, fields).await
}

/// Sends the form of a page opened before.
async fn send_from(admin: &Visitor, form: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
    let version = form.attributes("input[name=version]", "value");
    let csrf = form.csrf();
    let mut all = vec![("csrf", csrf.as_str())];
    all.extend(version.first().map(|version| ("version", version.as_str())));
    all.extend(fields);
    admin.post(path, &all).await
}

fn at_the_desk() -> Origin {
    Origin {
        ip: "203.0.113.7".to_owned(),
        user_agent: String::new(),
        request_id: "story".to_owned(),
    }
}

fn words(text: &str) -> Reason {
    Reason::parse(text).unwrap()
}

fn anew(id: MemberId) -> Target {
    Target { id, version: None }
}

// AD-1, AD-6
#[test]
fn nobody_acts_on_themselves_or_above_themselves() {
    everywhere(async |app| {
        let (admin, admin_id) = app.with_role("ordinary", "admin").await;
        let (owner, owner_id) = app.with_role("linked", "owner").await;
        let (_, colleague_id) = app.with_role("no-email", "admin").await;
        let (viewer, _) = app.with_role("minimal", "viewer").await;
        let (_, member_id) = app.signed_in("long-id").await;

        for above in [owner_id, colleague_id] {
            let page = admin.get(&page_of(above)).await;
            assert_eq!(page.status, 200);
            assert!(page.texts(".btns a").is_empty(), "{}", page.body);
            assert!(!page.body.contains("/reveal"));
            for act in ["suspend", "kick", "reveal"] {
                let path = format!("{}/{act}", page_of(above));
                assert_eq!(admin.get(&path).await.status, 403, "{act}");
                let csrf = page.csrf();
                let fields = [("csrf", csrf.as_str()), ("version", "1"), ("reason", WHY)];
                assert_eq!(admin.post(&path, &fields).await.status, 403, "{act}");
            }
            let refusals = app.told_of(above, "member.suspend").await;
            assert_eq!(refusals.len(), 1, "{refusals:?}");
            assert!(refusals[0].starts_with(&format!("{admin_id} ")));
            assert!(refusals[0].contains(" refused | rank | "), "{refusals:?}");
        }
        for (person, id) in [(&admin, admin_id), (&owner, owner_id)] {
            let page = person.get(&page_of(id)).await;
            assert!(page.texts(".btns a").is_empty(), "{}", page.body);
            let path = format!("{}/suspend", page_of(id));
            let asked = person.get(&path).await;
            assert_eq!(
                (asked.status, asked.location()),
                (303, page_of(id).as_str())
            );
            let csrf = page.csrf();
            let fields = [("csrf", csrf.as_str()), ("version", "1"), ("reason", WHY)];
            let refused = person.post(&path, &fields).await;
            assert_eq!(refused.status, 303);
            let told = person.follow(&refused).await;
            assert_eq!(
                told.text("[role=alert]"),
                "자신의 계정에는 할 수 없는 작업입니다."
            );
            assert_eq!(app.of_member("standing", id).await, "active");
        }
        let seen = viewer.get(&page_of(member_id)).await;
        assert_eq!(seen.status, 200);
        assert!(seen.texts(".btns a").is_empty());
        for act in ["suspend", "restore", "kick", "role", "reveal"] {
            let path = format!("{}/{act}", page_of(member_id));
            assert_eq!(viewer.get(&path).await.status, 403, "{act}");
        }
        let role = format!("{}/role", page_of(member_id));
        assert_eq!(admin.get(&role).await.status, 403, "roles are the owners'");
    });
}

// AD-2, AD-5, AD-4
#[test]
fn a_suspended_member_is_out_everywhere_at_once_until_the_day_is_over() {
    everywhere(async |app| {
        let (admin, admin_id) = app.with_role("linked", "admin").await;
        let (phone, member) = app.signed_in("ordinary").await;
        let (laptop, _) = app.signed_in("ordinary").await;
        let until = app.clock.now().to_offset(time::macros::offset!(+9)).date();
        let until = until.next_day().unwrap().to_string();

        let fields = [("reason", WHY), ("until", until.as_str())];
        let done = send(&admin, member, "suspend", &fields).await;
        assert_eq!(
            (done.status, done.location()),
            (303, page_of(member).as_str())
        );
        let page = admin.follow(&done).await;
        assert_eq!(page.text("[role=status]"), "이용을 정지했습니다.");
        assert!(page.texts(".tag.bad").contains(&"이용 정지".to_owned()));
        assert!(
            page.body.contains(&format!("{until} 23:59까지")),
            "{}",
            page.body
        );
        assert!(page.body.contains(WHY));
        assert!(page.texts(".btns a").contains(&"정지 해제".to_owned()));
        assert!(!page.texts(".btns a").contains(&"이용 정지".to_owned()));
        let again = admin.get(&page_of(member)).await;
        assert_eq!(again.text("[role=status]"), "", "said once");

        for device in [&phone, &laptop] {
            assert_eq!(device.get("/me").await.status, 303);
        }
        let live = format!("sessions WHERE member_id = '{member}' AND ended_at IS NULL");
        assert_eq!(app.count(&live).await, 0);
        eventually("Kakao's tokens end", async || {
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
        let refused = phone.log_in(app, "ordinary").await;
        assert_eq!(refused.leads_to_error(), "suspended");
        let told = app.told_of(member, "member.suspend").await;
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with(&format!("{admin_id} 127.0.0.1 success | {WHY} | ")));
        assert!(told[0].contains("active → suspended until "), "{told:?}");
        assert!(told[0].ends_with("sessions ended: 2"), "{told:?}");

        let fields = [("reason", "이의 제기를 받아들임")];
        let lifted = send(&admin, member, "restore", &fields).await;
        let page = admin.follow(&lifted).await;
        assert_eq!(page.text("[role=status]"), "정지를 해제했습니다.");
        assert!(!page.body.contains(WHY), "why is history");
        phone.log_in_as(app, "ordinary").await;
        assert_eq!(app.of_member("version", member).await, "3");
        let history = admin.get(&format!("{}?tab=history", page_of(member))).await;
        let actions = history.texts("td:nth-child(3)");
        assert_eq!(actions[..2], ["카카오 로그인", "정지 해제"]);
        assert!(actions.contains(&"이용 정지".to_owned()));
        assert!(history.body.contains(WHY));
    });
}

// AD-4
#[test]
fn what_is_wrong_with_a_form_is_said_and_nothing_of_it_is_lost() {
    Stage::default().once(async |app| {
        let (admin, _) = app.with_role("linked", "owner").await;
        let (_, member) = app.signed_in("ordinary").await;
        let long = "가".repeat(301);
        for (reason, until, wrong) in [
            ("짧음", "2020-01-01", &["#until", "#reason"][..]),
            ("      짧음  ", "", &["#reason"]),
            ("<b>\"이유\"</b> & 하나", "내일", &["#until"]),
            (long.as_str(), "", &["#reason"]),
        ] {
            let fields = [("reason", reason), ("until", until)];
            let page = send(&admin, member, "suspend", &fields).await;
            assert_eq!(page.status, 200);
            assert_eq!(page.attributes("#errsum a", "href"), wrong, "{reason}");
            assert!(
                page.text("title").starts_with("오류: "),
                "{}",
                page.text("title")
            );
            assert_eq!(page.attributes("#until", "value"), [until]);
            let kept = page.text("#reason");
            assert_eq!(kept, reason.trim(), "kept");
            assert_eq!(page.attributes("[aria-invalid]", "id").len(), wrong.len());
        }
        let page = send(&admin, member, "role", &[("reason", WHY)]).await;
        assert_eq!(page.attributes("#errsum a", "href"), ["#role"]);
        assert_eq!(page.text("#reason"), WHY);
        let page = send(&admin, member, "reveal", &[("reason", "왜")]).await;
        assert_eq!(page.attributes("#errsum a", "href"), ["#reason"]);
        assert_eq!(app.of_member("version", member).await, "1");
        assert_eq!(app.told_of(member, "member.reveal").await.len(), 0);
        // What no page of ours sends.
        let csrf = page.csrf();
        let path = format!("{}/kick", page_of(member));
        for version in ["", "x", "1e3", "99999999999999999999"] {
            let fields = [
                ("csrf", csrf.as_str()),
                ("reason", WHY),
                ("version", version),
            ];
            assert_eq!(admin.post(&path, &fields).await.status, 400, "{version:?}");
        }
        assert_eq!(admin.post(&path, &[("csrf", &csrf)]).await.status, 400);
    });
}

// AD-1
#[test]
fn of_two_admins_at_one_member_the_second_is_told_and_a_double_press_is_one_act() {
    everywhere(async |app| {
        let (first, _) = app.with_role("linked", "admin").await;
        let (second, _) = app.with_role("no-email", "admin").await;
        let (device, member) = app.signed_in("ordinary").await;
        let (suspend, kick) = (
            format!("{}/suspend", page_of(member)),
            format!("{}/kick", page_of(member)),
        );
        let (ours, theirs) = (first.get(&suspend).await, second.get(&kick).await);
        let fields = [("reason", WHY)];

        let (one, two) = join(
            send_from(&first, &ours, &suspend, &fields),
            send_from(&first.copy(), &ours, &suspend, &fields),
        )
        .await;
        assert_eq!((one.status, two.status), (303, 303));
        assert_eq!(app.of_member("version", member).await, "2");
        assert_eq!(app.told_of(member, "member.suspend").await.len(), 1);
        let late = send_from(&first, &ours, &suspend, &fields).await;
        let told = first.follow(&late).await;
        assert_eq!(told.text("[role=alert]"), "이미 처리된 상태입니다.");

        let stale = send_from(&second, &theirs, &kick, &fields).await;
        assert_eq!(stale.location(), page_of(member));
        let told = second.follow(&stale).await;
        let conflict = told.text("[role=alert]");
        assert!(conflict.contains("그 사이에 다른 관리자가"), "{conflict}");
        assert_eq!(app.told_of(member, "member.kick").await.len(), 0);
        assert_eq!(device.get("/me").await.status, 303);
        // From a page of now it works.
        let done = send(&second, member, "kick", &fields).await;
        let told = second.follow(&done).await;
        assert_eq!(told.text("[role=status]"), "기기 0대에서 로그아웃했습니다.");
    });
}

// AD-2
#[test]
fn a_member_is_written_to_about_a_suspension_where_an_admin_wants_that() {
    stage().everywhere(async |app| {
        let (admin, _) = app.with_role("linked", "admin").await;
        let (_, told) = app.signed_in("ordinary").await;
        let (_, not_told) = app.signed_in("long-id").await;
        let (_, unreachable) = app.signed_in("no-email").await;
        let fields = [("reason", WHY), ("until", "2999-12-31"), ("notify", "yes")];
        let waiting = "outbox WHERE kind = 'mail'";

        let form = admin
            .get(&format!("{}/suspend", page_of(unreachable)))
            .await;
        assert!(form.attributes("[name=notify]", "value").is_empty());
        let done = send(&admin, unreachable, "suspend", &fields).await;
        assert_eq!(done.status, 303);
        send(&admin, not_told, "suspend", &[("reason", WHY)]).await;
        assert_eq!(app.count(waiting).await, 0);

        let form = admin.get(&format!("{}/suspend", page_of(told))).await;
        assert!(
            form.attributes("[name=notify][checked]", "value")
                .is_empty()
        );
        let short = [("reason", "."), ("notify", "yes")];
        let again = send(&admin, told, "suspend", &short).await;
        assert!(again.text("title").starts_with("오류: "));
        assert_eq!(again.attributes("[name=notify][checked]", "value"), ["yes"]);
        app.backends().database.execute(&format!(
            "UPDATE members SET locale = 'en' WHERE id = '{told}'"
        ));
        send(&admin, told, "suspend", &fields).await;
        let letter = app.letter_to("ordinary@example.com", 1).await;
        assert!(
            letter.subject.ends_with("Your account is suspended"),
            "{}",
            letter.subject
        );
        let text = letter.paragraphs.join(" ");
        assert!(text.contains(WHY) && text.contains("2999"), "{text}");
        assert_eq!(app.count(waiting).await, 1);
        let entries = app.told_of(told, "member.suspend").await;
        assert!(entries[0].contains("told by mail"), "{entries:?}");
        for member in [not_told, unreachable] {
            let entries = app.told_of(member, "member.suspend").await;
            assert!(!entries[0].contains("told by mail"), "{entries:?}");
        }
    });
}

// AD-2
#[test]
fn where_nobody_carries_mail_none_is_offered() {
    Stage::default().once(async |app| {
        let (admin, _) = app.with_role("linked", "admin").await;
        let (_, member) = app.signed_in("ordinary").await;
        let form = admin.get(&format!("{}/suspend", page_of(member))).await;
        assert!(form.attributes("[name=notify]", "value").is_empty());
        let fields = [("reason", WHY), ("notify", "yes")];
        assert_eq!(send(&admin, member, "suspend", &fields).await.status, 303);
        assert_eq!(app.of_member("standing", member).await, "suspended");
        assert_eq!(app.count("outbox WHERE kind = 'mail'").await, 0);
    });
}

// AD-1, AD-2
#[test]
fn an_admin_demoted_with_the_page_open_does_nothing_any_more() {
    everywhere(async |app| {
        let (admin, admin_id) = app.with_role("linked", "admin").await;
        let (device, member) = app.signed_in("ordinary").await;
        let path = format!("{}/suspend", page_of(member));
        let open = admin.get(&path).await;
        for (role, status) in [("viewer", 403), ("member", 404)] {
            app.give_role(admin_id, role);
            let refused = send_from(&admin, &open, &path, &[("reason", WHY)]).await;
            assert_eq!(refused.status, status, "{role}");
            // Demoted between the request and its transaction.
            let (gate, actor) = (app.gate(), Actor::Staff(admin_id));
            let act = Act::Suspend {
                until: None,
                tell: false,
            };
            let late = gate
                .act(&actor, anew(member), act, &words(WHY), &at_the_desk())
                .await;
            assert_eq!(late.unwrap(), Err(Refusal::Rank), "{role}");
            let shown = gate
                .reveal(&actor, member, &words(WHY), &at_the_desk())
                .await;
            assert_eq!(shown.unwrap().unwrap_err(), Refusal::Rank, "{role}");
        }
        app.give_role(admin_id, "admin");
        let database = &app.backends().database;
        database.execute(&format!(
            "UPDATE members SET standing = 'suspended' WHERE id = '{admin_id}'"
        ));
        let suspended = send_from(&admin, &open, &path, &[("reason", WHY)]).await;
        assert_eq!(suspended.status, 404);
        let (gate, actor) = (app.gate(), Actor::Staff(admin_id));
        let late = gate
            .act(&actor, anew(member), Act::Kick, &words(WHY), &at_the_desk())
            .await;
        assert_eq!(late.unwrap(), Err(Refusal::Rank));
        assert_eq!(app.of_member("standing", member).await, "active");
        assert_eq!(device.get("/me").await.status, 200);
        let refusals = app.told_of(member, "member.suspend").await;
        assert_eq!(refusals.len(), 2, "{refusals:?}");
    });
}

// AD-1
#[test]
fn of_two_owners_who_demote_each_other_at_one_moment_one_stays() {
    everywhere(async |app| {
        let (_, one) = app.with_role("ordinary", "owner").await;
        let (_, two) = app.with_role("linked", "owner").await;
        let acts = [
            Act::Role(Role::Member),
            Act::Role(Role::Admin),
            Act::Suspend {
                until: None,
                tell: false,
            },
        ];
        for round in 0..12 {
            let act = acts[round % acts.len()];
            let database = &app.backends().database;
            database.execute("UPDATE members SET role = 'owner', standing = 'active'");
            let gate = app.gate();
            let (reason, from) = (words(WHY), at_the_desk());
            let (of_one, of_two) = (Actor::Staff(one), Actor::Staff(two));
            let (first, second) = join(
                gate.act(&of_one, anew(two), act, &reason, &from),
                gate.act(&of_two, anew(one), act, &reason, &from),
            )
            .await;
            let done = [first.unwrap(), second.unwrap()];
            assert_eq!(
                done.iter().filter(|done| done.is_ok()).count(),
                1,
                "{done:?}"
            );
            assert!(done.contains(&Err(Refusal::Rank)), "{done:?}");
            let owners = "members WHERE role = 'owner' AND standing = 'active'";
            assert_eq!(app.count(owners).await, 1);
        }
    });
}

// AD-2, AD-8
#[test]
fn a_role_acts_on_the_next_request_and_shortens_the_sessions_that_are_there() {
    everywhere(async |app| {
        let (owner, _) = app.with_role("linked", "owner").await;
        let (person, id) = app.signed_in("ordinary").await;
        assert_eq!(person.get(&page_of(id)).await.status, 404);
        let form = owner.get(&format!("{}/role", page_of(id))).await;
        let effects = form.texts("fieldset label");
        assert_eq!(effects.len(), 3, "not the one they have: {effects:?}");
        assert!(
            effects[0].starts_with("회원에서 조회 관리자: "),
            "{effects:?}"
        );

        let fields = [("role", "viewer"), ("reason", "고객센터에 새로 옴")];
        let given = send(&owner, id, "role", &fields).await;
        let told = owner.follow(&given).await;
        assert_eq!(told.text("[role=status]"), "권한을 바꿨습니다.");
        assert_eq!(person.get(&page_of(id)).await.status, 200, "at once");
        let told = app.told_of(id, "member.role").await;
        assert!(told[0].ends_with("| member → viewer"), "{told:?}");

        app.clock.advance(time::Duration::minutes(31));
        let idle = person.get(&page_of(id)).await;
        assert_eq!(idle.status, 303);
        assert!(
            idle.location().contains("reason=expired"),
            "{}",
            idle.location()
        );

        owner.log_in_as(app, "linked").await;
        let fields = [("role", "member"), ("reason", "다른 팀으로 옮김")];
        let taken = send(&owner, id, "role", &fields).await;
        assert_eq!(taken.status, 303);
        person.log_in_as(app, "ordinary").await;
        assert_eq!(person.get(&page_of(id)).await.status, 404);
    });
}

// AD-5, SE-7
#[test]
fn a_forced_logout_ends_every_session_here_and_every_token_at_kakao() {
    everywhere(async |app| {
        let (admin, _) = app.with_role("linked", "admin").await;
        let (phone, member) = app.signed_in("ordinary").await;
        let (laptop, _) = app.signed_in("ordinary").await;
        let done = send(&admin, member, "kick", &[("reason", WHY)]).await;
        let told = admin.follow(&done).await;
        assert_eq!(told.text("[role=status]"), "기기 2대에서 로그아웃했습니다.");
        for device in [&phone, &laptop] {
            let out = device.get("/me").await;
            assert_eq!(out.location(), "/login?next=%2Fme&reason=kicked");
            let login = device.follow(&out).await;
            assert!(
                login
                    .body
                    .contains("관리자가 이 기기의 로그인을 종료했습니다.")
            );
        }
        eventually("every token", async || {
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
        assert_eq!(app.emulator.count(Endpoint::Logout), 1, "one call for all");
        eventually("nobody's number stays", async || {
            app.count("outbox WHERE sealed_token <> ''").await == 0
        })
        .await;
        phone.log_in_as(app, "ordinary").await;
        let devices = admin
            .get(&format!("{}?tab=sessions", page_of(member)))
            .await;
        assert_eq!(devices.texts(".cards h2").len(), 1);
        assert!(devices.body.contains("127.0.***.1"), "{}", devices.body);
        assert!(!devices.body.contains("127.0.0.1<"));
    });
}

// AD-5, RL-2
#[test]
fn what_kakao_did_not_take_is_owed_and_paid_when_it_answers() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        let (admin, _) = app.with_role("linked", "admin").await;
        let (device, member) = app.signed_in("ordinary").await;
        app.emulator
            .fail(Endpoint::Logout, Fault::Status(503), Times::Always);
        let done = send(&admin, member, "suspend", &[("reason", WHY)]).await;
        assert_eq!(done.status, 303);
        assert_eq!(device.get("/me").await.status, 303, "out at once");
        let owed = "kind = 'logout_everywhere'";
        app.put_off(owed, 1).await;
        assert_eq!(app.live_kakao_tokens("ordinary"), 1);
        app.emulator.heal();
        app.clock.advance(time::Duration::minutes(2));
        app.gate().pay_debts().await.unwrap();
        eventually("paid", async || app.live_kakao_tokens("ordinary") == 0).await;

        // Somebody whom Kakao does not know any more has no tokens.
        let (_, gone) = app.signed_in("minimal").await;
        admin.log_in_as(app, "linked").await;
        app.emulator.world().unlink_from_kakao("minimal");
        send(&admin, gone, "kick", &[("reason", WHY)]).await;
        let left = "outbox WHERE finished_at IS NULL";
        eventually("settled", async || app.count(left).await == 0).await;

        // After a day trying ends.
        app.emulator
            .fail(Endpoint::Logout, Fault::Status(503), Times::Always);
        let (_, other) = app.signed_in("no-email").await;
        send(&admin, other, "kick", &[("reason", WHY)]).await;
        app.put_off(owed, 1).await;
        app.clock.advance(time::Duration::hours(25));
        app.gate().pay_debts().await.unwrap();
        assert_eq!(app.count(left).await, 0);
        assert_eq!(app.count("outbox WHERE outcome = 'expired'").await, 1);
    });
}

// AD-5
#[test]
fn without_an_admin_key_the_tokens_of_the_sessions_are_revoked() {
    Stage::default()
        .set("KAKAO_ADMIN_KEY", "")
        .everywhere(async |app| {
            let (admin, _) = app.with_role("linked", "admin").await;
            let (_, member) = app.signed_in("ordinary").await;
            app.signed_in("ordinary").await;
            assert_eq!(app.live_kakao_tokens("ordinary"), 2);
            send(&admin, member, "kick", &[("reason", WHY)]).await;
            eventually("revoked", async || app.live_kakao_tokens("ordinary") == 0).await;
            assert_eq!(app.emulator.count(Endpoint::Logout), 2, "one a token");
        });
}

// AD-3, AD-4, AD-8
#[test]
fn personal_data_is_shown_in_full_once_for_a_reason_to_somebody_who_has_just_signed_in() {
    everywhere(async |app| {
        let (admin, admin_id) = app.with_role("linked", "admin").await;
        let (_, member) = app.signed_in("ordinary").await;
        let path = format!("{}/reveal", page_of(member));
        let kakao_id = app
            .emulator
            .world()
            .user_id("ordinary")
            .unwrap()
            .to_string();
        let secrets = ["김하늘", "ordinary@example.com", kakao_id.as_str()];
        let form = admin.get(&path).await;
        app.clock.advance(time::Duration::minutes(11));
        for answer in [
            admin.get(&path).await,
            send_from(&admin, &form, &path, &[("reason", WHY)]).await,
        ] {
            assert_eq!(answer.status, 303);
            let expected = url::form_urlencoded::byte_serialize(path.as_bytes());
            let next: String = expected.collect();
            assert_eq!(answer.location(), format!("/reauth?next={next}"));
        }
        assert_eq!(app.told_of(member, "member.reveal").await.len(), 0);
        admin.log_in_as(app, "linked").await;
        let shown = send(&admin, member, "reveal", &[("reason", WHY)]).await;
        assert_eq!(shown.status, 200);
        assert_eq!(shown.header("cache-control"), "no-store");
        for secret in secrets {
            assert!(shown.body.contains(secret), "{secret}");
        }
        assert!(shown.body.contains("이 화면에서만 전체를 표시합니다."));
        let told = app.told_of(member, "member.reveal").await;
        assert_eq!(told, [format!("{admin_id} 127.0.0.1 success | {WHY} | -")]);
        let after = admin.get(&page_of(member)).await;
        for secret in secrets {
            assert!(!after.body.contains(secret), "{secret}");
        }
    });
}

// AD-3, AD-4
#[test]
fn every_page_about_a_member_is_masked_and_written_down() {
    Stage::default().once(async |app| {
        let (owner, owner_id) = app.with_role("linked", "owner").await;
        let (_, member) = app.signed_in("ordinary").await;
        let kakao_id = app
            .emulator
            .world()
            .user_id("ordinary")
            .unwrap()
            .to_string();
        for path in [
            "",
            "?tab=sessions",
            "?tab=history",
            "?tab=nonsense",
            "?tab=history&before=-5",
            "?tab=history&before=x",
            "/suspend",
            "/kick",
            "/role",
            "/reveal",
        ] {
            let before = app.told_of(member, "member.view").await.len();
            let page = owner.get(&format!("{}{path}", page_of(member))).await;
            assert_eq!(page.status, 200, "{path}");
            for secret in [
                "김하늘",
                "ordinary@example.com",
                kakao_id.as_str(),
                "127.0.0.1",
            ] {
                assert!(!page.body.contains(secret), "{path}: {secret}");
            }
            assert!(page.body.contains("김*늘"), "{path}");
            assert!(page.body.len() < 15 * 1024, "{path}: {}", page.body.len());
            let told = app.told_of(member, "member.view").await;
            assert_eq!(told.len(), before + 1, "{path}");
            assert!(told[0].starts_with(&format!("{owner_id} 127.0.0.1 success")));
        }
    });
}

// AD-4
#[test]
fn what_cannot_be_written_down_is_neither_shown_nor_done() {
    everywhere(async |app| {
        let (owner, _) = app.with_role("linked", "owner").await;
        let (device, member) = app.signed_in("ordinary").await;
        let paths = ["suspend", "kick", "role", "reveal"];
        let mut forms = Vec::new();
        for path in paths {
            let path = format!("{}/{path}", page_of(member));
            forms.push((owner.get(&path).await, path));
        }
        app.lock_audit_log(true);
        let fields = [("reason", WHY), ("role", "admin")];
        for (form, path) in &forms {
            let shown = owner.get(path).await;
            let acted = send_from(&owner, form, path, &fields).await;
            for page in [shown, acted] {
                assert!([500, 503].contains(&page.status), "{path}: {}", page.status);
                assert!(!page.body.contains("김하늘") && !page.body.contains("김*늘"));
            }
        }
        let page = owner.get(&page_of(member)).await;
        assert!(page.status >= 500 && !page.body.contains("김*늘"));
        app.lock_audit_log(false);
        assert_eq!(app.of_member("version", member).await, "1");
        assert_eq!(app.of_member("role", member).await, "member");
        assert_eq!(app.of_member("standing", member).await, "active");
        assert_eq!(app.count("outbox").await, 0);
        assert_eq!(device.get("/me").await.status, 200);
    });
}

// AD-1, LG-5
#[test]
fn a_member_who_has_left_is_not_there_to_be_acted_on() {
    everywhere(async |app| {
        let (owner, _) = app.with_role("linked", "owner").await;
        let (_, member) = app.signed_in("ordinary").await;
        let path = format!("{}/suspend", page_of(member));
        let open = owner.get(&path).await;
        let database = &app.backends().database;
        database.execute(&format!(
            "UPDATE members SET standing = 'withdrawn', display_name = NULL, email = NULL, \
             withdrawn_at = created_at WHERE id = '{member}'"
        ));
        let late = send_from(&owner, &open, &path, &[("reason", WHY)]).await;
        assert_eq!(late.status, 404);
        assert!(
            late.attributes("main a", "href")
                .contains(&"/admin/members".to_owned()),
            "{}",
            late.body
        );
        for act in ["suspend", "restore", "kick", "role", "reveal"] {
            let page = owner.get(&format!("{}/{act}", page_of(member))).await;
            assert_eq!(page.status, 404, "{act}");
        }
        let page = owner.get(&page_of(member)).await;
        assert_eq!(page.status, 200, "number, dates and history stay");
        assert!(page.texts(".btns a").is_empty());
        for nobody in [
            "01900000-0000-7000-8000-000000000000",
            "x",
            "%00",
            "..%2f",
            "1",
        ] {
            let page = owner.get(&format!("/admin/members/{nobody}")).await;
            assert_eq!(page.status, 404, "{nobody}");
        }
    });
}

// AD-4
#[test]
fn a_suspension_that_is_over_is_lifted_by_itself_and_written_down() {
    everywhere(async |app| {
        app.noon();
        let (admin, _) = app.with_role("linked", "admin").await;
        let (_, short) = app.signed_in("ordinary").await;
        let (_, open) = app.signed_in("no-email").await;
        let today = app.clock.now().to_offset(time::macros::offset!(+9)).date();
        let today = today.to_string();
        let fields = [("reason", WHY), ("until", today.as_str())];
        send(&admin, short, "suspend", &fields).await;
        send(&admin, open, "suspend", &[("reason", WHY)]).await;
        assert!(!app.gate().lift_ended_suspensions().await.unwrap());
        assert_eq!(app.of_member("standing", short).await, "suspended");
        app.clock.advance(time::Duration::hours(25));
        let (one, two) = (app.gate(), app.gate());
        let both = join(one.lift_ended_suspensions(), two.lift_ended_suspensions()).await;
        assert!(both.0.is_ok() && both.1.is_ok());
        assert_eq!(app.of_member("standing", short).await, "active");
        assert_eq!(app.of_member("standing", open).await, "suspended");
        let told = app.told_of(short, "member.restore").await;
        assert_eq!(told, ["- system success | ended | suspended → active"]);
        assert_eq!(app.of_member("version", short).await, "3");
    });
}

// AD-4
#[test]
fn a_long_history_is_read_page_by_page() {
    Stage::default().once(async |app| {
        let (admin, _) = app.with_role("linked", "admin").await;
        let (_, member) = app.signed_in("ordinary").await;
        let (gate, actor) = (app.gate(), Actor::CommandLine("root".to_owned()));
        for _ in 0..30 {
            let (reason, from) = (words(WHY), at_the_desk());
            let act = gate.act(&actor, anew(member), Act::Kick, &reason, &from);
            act.await.unwrap().unwrap();
        }
        let first = admin.get(&format!("{}?tab=history", page_of(member))).await;
        assert_eq!(first.texts("tbody tr").len(), 20);
        let older = first.attributes(".links a", "href");
        assert_eq!(older.len(), 1);
        let second = admin.get(&older[0]).await;
        // Thirty acts, one sign-up, one login.
        assert_eq!(second.texts("tbody tr").len(), 12);
        assert_eq!(second.texts(".links a"), ["최근 기록"]);
        assert!(second.body.contains("카카오로 가입"));
        let beyond = admin
            .get(&format!("{}?tab=history&before=1", page_of(member)))
            .await;
        assert_eq!(beyond.text(".empty"), "기록이 없습니다.");
    });
}
