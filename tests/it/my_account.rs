//! `/me` and what a member can do there: the name, the address, consents, and the data.

use futures_util::future::join_all;
use kakao_gate::email::EmailAddress;
use kakao_gate::flow::Origin;
use kakao_gate::flow::account::{Asked, Moved};
use kakao_gate::flow::admin::{Act, Actor, Reason, Target};
use kakao_gate::i18n::Lang;
use kakao_gate::member::{Member, MemberId, Role, Session, SignedIn};
use kakao_gate::store::consents::{self, Consent};
use kakao_gate::store::directory::{self, Filter, Order, Sort};
use kakao_gate::store::sessions;
use time::Duration;
use uuid::Uuid;

use crate::stage::email::{PASSWORD, stage};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor, everywhere};

/// The member with this proved address.
pub async fn member_with(app: &TestApp, address: &str) -> MemberId {
    let sql = format!(
        "SELECT id AS value FROM members WHERE email_key = '{address}' \
         AND email_verified_at IS NOT NULL"
    );
    let id = app.values(&sql).await;
    MemberId(Uuid::parse_str(&id[0]).unwrap())
}

/// Gives a member a password, as the page for that would.
pub async fn give_password(app: &TestApp, member: MemberId) {
    app.give_password(&member.to_string(), PASSWORD).await;
}

/// The answer to a value of the page's list.
fn value_of(page: &Page, name: &str) -> String {
    let names = page.texts("dl.kv dt");
    let values = page.texts("dl.kv dd");
    let at = names.iter().position(|found| found == name);
    values[at.unwrap_or_else(|| panic!("no {name} in {names:?}"))].clone()
}

fn notice(page: &Page) -> String {
    page.text(".note p")
}

/// Asks for another address, and is told that a letter is on its way.
async fn ask_for(visitor: &Visitor, address: &str) -> Page {
    let fields = [("email", address)];
    visitor.press("/me/email", "/me/email", &fields).await
}

/// Opens the link that was mailed to this address, and presses the button there.
async fn prove(app: &TestApp, visitor: &Visitor, link: &str) -> Page {
    let page = visitor.get(link).await;
    assert_eq!(page.h1(), "새 이메일 확인", "{}", page.body);
    let (csrf, token) = (page.csrf(), token_of(app, link));
    let fields = [("csrf", csrf.as_str()), ("token", &token)];
    visitor.post("/me/email/verify", &fields).await
}

fn token_of(_: &TestApp, link: &str) -> String {
    link.split("token=").nth(1).unwrap().to_owned()
}

async fn address_of(app: &TestApp, member: MemberId) -> Vec<String> {
    let sql = format!("SELECT email AS value FROM members WHERE id = '{member}'");
    app.values(&sql).await
}

// LG-7
#[test]
fn my_page_shows_what_is_there_and_says_what_is_not() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let me = visitor.get("/me").await;
        assert_eq!(me.h1(), "내 정보");
        assert_eq!(value_of(&me, "이름"), "김하늘");
        assert_eq!(value_of(&me, "이메일"), "ordinary@example.com 확인됨");
        assert!(value_of(&me, "카카오").starts_with("연결됨"));
        assert_eq!(value_of(&me, "비밀번호"), "설정 안 함");
        assert_eq!(value_of(&me, "혜택·소식 이메일"), "수신 안 함");
        let ways = me.attributes("main a", "href");
        for way in [
            "/me/edit",
            "/me/kakao/unlink",
            "/me/password",
            "/me/data",
            "/me/withdraw",
        ] {
            assert!(ways.contains(&way.to_owned()), "{way} in {ways:?}");
        }
        assert!(me.body.len() < 15 * 1024);

        let bare = app.visitor();
        bare.log_in_as(app, "minimal").await;
        let me = bare.get("/me").await;
        assert_eq!(value_of(&me, "이름"), "없음");
        assert_eq!(value_of(&me, "이메일"), "없음");
        assert_eq!(value_of(&me, "카카오 닉네임"), "없음");
        assert!(me.texts("dd").iter().all(|value| !value.is_empty()));

        // What Kakao does not vouch for is nobody's address, and says so.
        let unsure = app.visitor();
        unsure.log_in_as(app, "unverified-email").await;
        let me = unsure.get("/me").await;
        assert_eq!(
            value_of(&me, "이메일"),
            "unverified-email@example.com 확인 전"
        );
    });
}

// LG-7, ID-9
#[test]
fn a_name_is_cleaned_kept_and_found() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        for nothing in ["", "  ", "\u{200b}\u{202e}", "\0"] {
            let page = visitor
                .press("/me/edit", "/me/edit", &[("name", nothing)])
                .await;
            assert_eq!(page.text(".err"), "이름을 입력해 주세요.", "{nothing:?}");
            assert!(page.text("title").starts_with("오류: "));
        }
        let hostile = " <b>산\u{202e}들\0</b>   바람 ";
        let saved = visitor
            .press("/me/edit", "/me/edit", &[("name", hostile)])
            .await;
        assert_eq!((saved.status, saved.location()), (303, "/me"));
        let me = visitor.get("/me").await;
        assert_eq!(notice(&me), "프로필을 저장했습니다.");
        assert_eq!(value_of(&me, "이름"), "<b>산들 </b> 바람");
        assert!(notice(&visitor.get("/me").await).is_empty(), "said once");
        // Kakao's nickname stays what it is, and a login does not bring it back.
        app.visitor().log_in_as(app, "ordinary").await;
        let me = visitor.get("/me").await;
        assert_eq!(value_of(&me, "이름"), "<b>산들 </b> 바람");
        assert_eq!(value_of(&me, "카카오 닉네임"), "김하늘");
        let found = async |name: &str| {
            let filter = Filter {
                name: Some(name.to_owned()),
                ..Filter::default()
            };
            let sort = Sort {
                by: Order::Name,
                descending: false,
            };
            let store = app.gate().store;
            let list =
                store.read(move |connection| directory::list(connection, &filter, sort, 0, 10));
            list.await.unwrap().len()
        };
        assert_eq!(found("산들").await, 1);
        assert_eq!(found("김하늘").await, 0, "not under the old name");
        let edits = "audit_events WHERE action = 'profile.edit' AND detail = 'name'";
        assert_eq!(app.count(edits).await, 1, "and no entry holds the name");
        // The same again is no change.
        visitor
            .press("/me/edit", "/me/edit", &[("name", "<b>산들 </b> 바람")])
            .await;
        assert_eq!(app.count(edits).await, 1);
    });
}

// LG-7, PW-9, TK-7
#[test]
fn another_address_counts_from_when_its_link_was_brought_back() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let member = member_with(app, "ordinary@example.com").await;
        let asked = ask_for(&visitor, " New@Example.com ").await;
        assert_eq!(
            (asked.status, asked.location()),
            (303, "/me"),
            "{}",
            asked.body
        );
        let me = visitor.get("/me").await;
        assert_eq!(
            notice(&me),
            "새 이메일로 확인 메일을 보냈습니다. 확인할 때까지 기존 이메일을 사용합니다."
        );
        assert_eq!(value_of(&me, "이메일"), "ordinary@example.com 확인됨");
        let link = app.link_to("New@example.com").await;
        let stored = "mail_links WHERE digest <> '' AND sealed NOT LIKE '%example%'";
        assert_eq!(app.count(stored).await, 1);

        // Programs that check mail open links, and ask for their heads.
        for _ in 0..3 {
            assert_eq!(visitor.get(&link).await.status, 200);
            assert_eq!(visitor.head(&link).await.status, 200);
        }
        let stranger = app.visitor();
        assert!(
            stranger
                .get(&link)
                .await
                .location()
                .starts_with("/login?next=%2Fme%2Femail")
        );
        stranger.log_in_as(app, "no-email").await;
        assert_eq!(stranger.get(&link).await.h1(), "사용할 수 없는 링크입니다");
        let token = token_of(app, &link);
        let theft = [("token", token.as_str())];
        let page = stranger.press("/me/edit", "/me/email/verify", &theft).await;
        assert_eq!(page.h1(), "사용할 수 없는 링크입니다");
        assert_eq!(address_of(app, member).await, ["ordinary@example.com"]);

        let moved = prove(app, &visitor, &link).await;
        assert_eq!(
            (moved.status, moved.location()),
            (303, "/me"),
            "{}",
            moved.body
        );
        let me = visitor.get("/me").await;
        assert_eq!(notice(&me), "이메일을 바꿨습니다.");
        assert_eq!(value_of(&me, "이메일"), "New@example.com 확인됨");
        let news = app.letter_to("ordinary@example.com", 1).await;
        assert!(
            news.subject.contains("이메일을 바꿨습니다"),
            "{}",
            news.subject
        );
        assert!(
            !format!("{:?}", news.paragraphs).contains("New@"),
            "nothing of the new one"
        );
        assert_eq!(visitor.get(&link).await.h1(), "이미 사용한 링크입니다");
        let again = visitor.press("/me/edit", "/me/email/verify", &theft).await;
        assert_eq!(again.h1(), "이미 사용한 링크입니다");
        let entries = "audit_events WHERE action = 'email.change' AND result = 'success'";
        assert_eq!(app.count(entries).await, 2, "asked, and proved");
        let told = app
            .values(
                "SELECT COALESCE(reason, '') || COALESCE(detail, '') AS value FROM audit_events",
            )
            .await;
        assert!(told.iter().all(|text| !text.contains('@')), "{told:?}");
    });
}

// PW-8, PW-9
#[test]
fn a_link_works_for_half_an_hour_and_only_the_newest_does() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        ask_for(&visitor, "first@example.com").await;
        ask_for(&visitor, "second@example.com").await;
        let first = app.link_to("first@example.com").await;
        let second = app.link_to("second@example.com").await;
        assert_eq!(visitor.get(&first).await.h1(), "사용할 수 없는 링크입니다");
        let altered = second.replace("token=", "token=x");
        assert_eq!(
            visitor.get(&altered).await.h1(),
            "사용할 수 없는 링크입니다"
        );
        assert_eq!(visitor.get("/me/email/verify").await.status, 200);
        app.clock.advance(Duration::minutes(31));
        assert_eq!(
            visitor.get(&second).await.h1(),
            "링크의 유효 시간이 지났습니다"
        );
        let token = token_of(app, &second);
        let page = visitor
            .press("/me/edit", "/me/email/verify", &[("token", &token)])
            .await;
        assert_eq!(page.h1(), "링크의 유효 시간이 지났습니다");
        assert_eq!(
            app.count("members WHERE email = 'ordinary@example.com'")
                .await,
            1
        );
    });
}

// PW-5, PW-9
#[test]
fn that_an_address_is_somebodys_is_told_only_to_who_reads_its_mail() {
    stage().everywhere(async |app| {
        app.visitor().log_in_as(app, "linked").await;
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let taken = ask_for(&visitor, "Linked@example.com").await;
        let free = ask_for(&visitor, "free@example.com").await;
        assert_eq!(
            (taken.status, taken.location()),
            (free.status, free.location())
        );
        ask_for(&visitor, "linked@example.com").await;
        let link = app.link_to("linked@example.com").await;
        let page = prove(app, &visitor, &link).await;
        assert_eq!(page.status, 409);
        assert_eq!(page.h1(), "이미 사용 중인 이메일입니다");
        assert_eq!(
            app.count("members WHERE email = 'ordinary@example.com'")
                .await,
            1
        );
        assert_eq!(
            app.count("members WHERE email = 'linked@example.com'")
                .await,
            1
        );
        let refused = "audit_events WHERE action = 'email.change' AND reason = 'taken'";
        assert_eq!(app.count(refused).await, 1);
    });
}

// PW-9
#[test]
fn one_address_proved_by_many_at_once_is_one_members() {
    stage().everywhere(async |app| {
        let gate = app.gate();
        let origin = Origin {
            ip: "127.0.0.1".to_owned(),
            user_agent: String::new(),
            request_id: "r".to_owned(),
        };
        let mut members: Vec<SignedIn> = Vec::new();
        for person in ["ordinary", "no-email", "linked", "long-id", "minimal"] {
            app.visitor().log_in_as(app, person).await;
        }
        let ids = app
            .values("SELECT id AS value FROM members ORDER BY id")
            .await;
        for id in &ids {
            let member = MemberId(Uuid::parse_str(id).unwrap());
            let now = gate.clock.now();
            let session = gate
                .store
                .read(move |connection| sessions::list(connection, member, now, 1))
                .await
                .unwrap()
                .pop()
                .unwrap();
            members.push(signed_in_of(app, session).await);
        }
        // One spelling each.
        let spellings = [
            "one@example.com",
            "One@Example.com",
            "ONE@EXAMPLE.COM",
            "ｏｎｅ@example.com",
            "oNe@exAmple.com",
        ];
        let mut links = Vec::new();
        for (member, typed) in members.iter().zip(spellings) {
            let address = EmailAddress::parse(typed).unwrap();
            let asked = gate
                .ask_address(member, address.clone(), Lang::Ko.texts(), &origin)
                .await
                .unwrap();
            assert_eq!(asked, Asked::Sent);
            links.push(token_of(app, &app.link_to(address.as_str()).await));
        }
        let moved = join_all(
            members
                .iter()
                .zip(&links)
                .map(|(member, link)| gate.move_address(member, link, Lang::Ko.texts(), &origin)),
        );
        let moved: Vec<Moved> = moved.await.into_iter().map(Result::unwrap).collect();
        let done = moved.iter().filter(|moved| **moved == Moved::Done).count();
        assert_eq!(done, 1, "{moved:?}");
        assert_eq!(
            app.count("members WHERE email_key = 'one@example.com'")
                .await,
            1
        );
        let taken = moved.iter().filter(|moved| **moved == Moved::Taken).count();
        assert_eq!(taken, 4, "{moved:?}");
    });
}

/// What the gate knows of whoever holds this session.
async fn signed_in_of(app: &TestApp, session: Session) -> SignedIn {
    let sql = format!(
        "SELECT member_id AS value FROM sessions WHERE id = '{}'",
        session.id
    );
    let member = MemberId(Uuid::parse_str(&app.values(&sql).await[0]).unwrap());
    let store = app.gate().store;
    let card = store
        .read(move |connection| directory::find(connection, member))
        .await
        .unwrap()
        .unwrap();
    SignedIn {
        session,
        member: Member {
            id: member,
            number: card.number,
            role: card.role,
            standing: card.standing,
            display_name: card.display_name,
            picture: None,
            locale: None,
            created_at: card.created_at,
            last_login_at: card.last_login_at,
        },
        kakao: None,
    }
}

// PW-6, ID-5
#[test]
fn changing_the_address_takes_a_fresh_proof_a_form_and_patience() {
    stage().once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        for (typed, told) in [
            ("", "이메일을 입력해 주세요."),
            ("a@b@c", "이메일 형식을 확인해 주세요. 예: name@example.com"),
            (
                "a@b.co\nBcc: c@d.co",
                "이메일 형식을 확인해 주세요. 예: name@example.com",
            ),
            (
                "<script>",
                "이메일 형식을 확인해 주세요. 예: name@example.com",
            ),
            (
                &"a".repeat(400),
                "이메일 형식을 확인해 주세요. 예: name@example.com",
            ),
        ] {
            let page = ask_for(&visitor, typed).await;
            assert_eq!(
                (page.status, page.text(".err")),
                (422, told.to_owned()),
                "{typed}"
            );
        }
        let same = ask_for(&visitor, "Ordinary@Example.COM").await;
        assert_eq!(
            notice(&visitor.follow(&same).await),
            "이미 사용하고 있는 이메일입니다."
        );
        assert_eq!(app.count("outbox WHERE kind = 'mail'").await, 0);
        for number in 0..5 {
            let sent = ask_for(&visitor, &format!("n{number}@example.com")).await;
            assert_eq!(sent.status, 303, "{number}");
        }
        let page = ask_for(&visitor, "n6@example.com").await;
        assert!(
            page.text(".err").starts_with("확인 메일을 여러 번"),
            "{}",
            page.body
        );
        let csrf = page.csrf();
        app.clock.advance(Duration::minutes(11));
        let asked = visitor.get("/me/email").await;
        assert_eq!(asked.location(), "/reauth?next=%2Fme%2Femail");
        let posted = [("csrf", csrf.as_str()), ("email", "n7@example.com")];
        let posted = visitor.post("/me/email", &posted).await;
        assert_eq!(posted.location(), "/reauth?next=%2Fme%2Femail");
        assert_eq!(app.count("outbox WHERE kind = 'mail'").await, 5);
    });
}

#[test]
fn where_no_mail_can_be_sent_there_is_no_other_address() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(visitor.get("/me/email").await.status, 404);
        let sent = visitor
            .press("/me/edit", "/me/email", &[("email", "new@example.com")])
            .await;
        assert_eq!(sent.status, 404);
        for page in ["/me", "/me/edit"] {
            let ways = visitor.get(page).await.attributes("a", "href");
            for way in ["/me/email", "/me/password"] {
                assert!(!ways.contains(&way.to_owned()), "{page} {way}");
            }
        }
    });
}

// LG-7
#[test]
fn consents_are_shown_with_their_versions_and_the_optional_one_is_a_switch() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let member = member_with(app, "ordinary@example.com").await;
        let gate = app.gate();
        let now = gate.clock.now();
        let random = gate.random.clone();
        let given = gate.store.write(move |connection| {
            for (item, version, agreed) in [
                ("age", "1", true),
                ("terms", "2026-01-01", true),
                ("marketing", "7", false),
                ("쿠폰 <b>", "3", true),
            ] {
                let consent = Consent {
                    item: item.to_owned(),
                    version: version.to_owned(),
                    agreed,
                    at: now,
                };
                consents::add(connection, random.id(now)?, member, &consent)?;
            }
            Ok(())
        });
        given.await.unwrap();
        let me = visitor.get("/me").await;
        assert!(value_of(&me, "이용약관").starts_with("2026-01-01 버전, 동의함"));
        assert!(value_of(&me, "만 14세 이상").starts_with("1 버전"));
        assert!(value_of(&me, "쿠폰 <b>").starts_with("3 버전"));
        assert_eq!(value_of(&me, "혜택·소식 이메일"), "수신 안 함");

        let rows = "consents WHERE item = 'marketing'";
        for (press, shown, count) in [
            ("off", "수신 안 함", 1),
            ("on", "수신 동의 (", 2),
            ("on", "수신 동의 (", 2),
            ("off", "수신 안 함", 3),
        ] {
            let page = visitor
                .press("/me", "/me/consents", &[("marketing", press)])
                .await;
            let me = visitor.follow(&page).await;
            assert!(
                value_of(&me, "혜택·소식 이메일").starts_with(shown),
                "{press}"
            );
            assert_eq!(app.count(rows).await, count, "{press}");
        }
        let versions = "consents WHERE item = 'marketing' AND version = '7'";
        assert_eq!(app.count(versions).await, 3);
        let entries = "audit_events WHERE action = 'consent'";
        assert_eq!(app.count(entries).await, 2);
        let odd = visitor
            .press("/me", "/me/consents", &[("marketing", "maybe")])
            .await;
        assert_eq!(odd.status, 400);
    });
}

// LG-7, AD-3
#[test]
fn my_data_is_everything_about_me_and_nothing_of_anybody_else() {
    let stage = stage().set("TRUSTED_PROXIES", "127.0.0.0/8");
    stage.everywhere(async |app| {
        let other = app.visitor();
        other.always("x-forwarded-for", "198.51.100.77");
        other.log_in_as(app, "linked").await;
        let visitor = app.visitor();
        visitor.always("x-forwarded-for", "203.0.113.9");
        visitor.log_in_as(app, "ordinary").await;
        let member = member_with(app, "ordinary@example.com").await;
        let (stranger, gate) = (member_with(app, "linked@example.com").await, app.gate());
        give_password(app, member).await;
        ask_for(&visitor, "new@example.com").await;
        visitor
            .press("/me", "/me/consents", &[("marketing", "on")])
            .await;
        // What an admin did to me is mine; who did it, from where and in which words is not.
        app.backends().database.execute(&format!(
            "UPDATE members SET role = 'owner' WHERE id = '{stranger}'"
        ));
        let origin = Origin {
            ip: "198.51.100.77".to_owned(),
            user_agent: String::new(),
            request_id: "of-somebody-else".to_owned(),
        };
        let actor = Actor::Staff(stranger);
        let target = Target {
            id: member,
            version: None,
        };
        let act = Act::Role(Role::Viewer);
        let reason = Reason::parse("동료 박아무개의 부탁").unwrap();
        let done = gate.act(&actor, target, act, &reason, &origin).await;
        done.unwrap().unwrap();

        let page = visitor.get("/me/data").await;
        assert_eq!(page.h1(), "내 데이터 내려받기");
        let file = visitor.press("/me/data", "/me/data", &[]).await;
        assert_eq!(file.status, 200);
        assert_eq!(file.header("content-type"), "application/json");
        let named = file.header("content-disposition");
        assert!(
            named.starts_with("attachment; filename=\"my-data-"),
            "{named}"
        );
        assert_eq!(file.header("cache-control"), "no-store");
        let data: serde_json::Value = serde_json::from_str(&file.body).unwrap();
        assert_eq!(data["member"]["name"], "김하늘");
        assert_eq!(data["member"]["email"], "ordinary@example.com");
        assert_eq!(data["member"]["role"], "viewer");
        let kakao_id = app.emulator.world().user_id("ordinary").unwrap();
        assert_eq!(data["kakao"]["id"], kakao_id);
        assert_eq!(data["kakao"]["nickname"], "김하늘");
        assert_eq!(data["password"]["is_set"], true);
        assert_eq!(data["mailed_links"][0]["address"], "new@example.com");
        assert_eq!(data["consents"][0]["item"], "marketing");
        assert_eq!(data["sessions"][0]["ip"], "203.0.113.9");
        let history = data["history"].as_array().unwrap();
        let role = history
            .iter()
            .find(|entry| entry["action"] == "member.role");
        let role = role.unwrap();
        assert_eq!(role["by"], "administration");
        for about_others in ["ip", "reason", "detail"] {
            assert!(role[about_others].is_null(), "{about_others}");
        }
        let own = history.iter().find(|entry| entry["action"] == "join.kakao");
        assert_eq!(own.unwrap()["ip"], "203.0.113.9");

        let linked = app.emulator.world().user_id("linked").unwrap();
        let mut foreign = vec![
            "198.51.100.77".to_owned(),
            "linked@example.com".to_owned(),
            "윤가람".to_owned(),
            "박아무개".to_owned(),
            stranger.to_string(),
            linked.to_string(),
            "of-somebody-else".to_owned(),
        ];
        for secret in [
            "SELECT kept AS value FROM passwords",
            "SELECT secret_hash AS value FROM sessions",
            "SELECT kakao_access AS value FROM sessions WHERE kakao_access IS NOT NULL",
            "SELECT kakao_refresh AS value FROM sessions WHERE kakao_refresh IS NOT NULL",
            "SELECT digest AS value FROM mail_links",
            "SELECT sealed AS value FROM mail_links WHERE sealed IS NOT NULL",
            "SELECT sealed_token AS value FROM outbox WHERE sealed_token <> ''",
        ] {
            let values = app.values(secret).await;
            assert!(!values.is_empty(), "{secret}");
            foreign.extend(values);
        }
        foreign.extend(app.live_tokens("ordinary"));
        // Not the one that remembers the way of the last login.
        let cookies = visitor.cookies().into_iter();
        foreign.extend(cookies.filter(|cookie| cookie != "kakao"));
        for text in foreign {
            assert!(!file.body.contains(&text), "{text}");
        }
        let entries = "audit_events WHERE action = 'data.download' AND result = 'success'";
        assert_eq!(app.count(entries).await, 1);
    });
}

// LG-7, WB-2
#[test]
fn my_data_takes_a_fresh_proof_a_form_of_mine_and_a_working_log() {
    Stage::default().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let csrf = visitor.get("/me/data").await.csrf();
        let fields = [("csrf", csrf.as_str())];
        let site = app.url.clone();
        for headers in [
            vec![
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ],
            vec![("sec-fetch-site", "none")],
            vec![("origin", "null")],
        ] {
            let page = visitor.post_with("/me/data", &headers, &fields).await;
            assert_eq!(page.status, 403, "{headers:?}");
        }
        let headers = [("origin", site.as_str())];
        assert_eq!(
            visitor
                .post_with("/me/data", &headers, &fields)
                .await
                .status,
            200
        );
        // What cannot be written down is not handed out.
        app.backends()
            .database
            .execute("ALTER TABLE audit_chain RENAME TO audit_chain_away");
        let page = visitor.post("/me/data", &fields).await;
        assert!(page.status >= 500, "{}", page.status);
        assert!(!page.body.contains("김하늘"));
        app.backends()
            .database
            .execute("ALTER TABLE audit_chain_away RENAME TO audit_chain");
        app.clock.advance(Duration::minutes(11));
        let asked = visitor.post("/me/data", &fields).await;
        assert_eq!(asked.location(), "/reauth?next=%2Fme%2Fdata");
        assert_eq!(
            visitor.get("/me/data").await.location(),
            "/reauth?next=%2Fme%2Fdata"
        );
        let in_app = app.visitor();
        in_app.always("user-agent", "Mozilla/5.0 KAKAOTALK 25.1.1");
        in_app.log_in_as(app, "linked").await;
        assert!(
            in_app
                .get("/me/data")
                .await
                .text(".note")
                .contains("카카오톡 안에서")
        );
    });
}
