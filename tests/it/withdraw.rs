//! Leaving: what is erased, what is still owed, and what stays.

use futures_util::future::{join, join_all};
use kakao_gate::emulator::{Endpoint, Fault, Times};
use time::Duration;

use crate::my_account::{give_password, member_with};
use crate::stage::backends::Database;
use crate::stage::email::stage;
use crate::stage::page::Page;
use crate::stage::{Backends, Service, Stage, Visitor, eventually};

/// Every table with everything in it.
const TABLES: &[&str] = &[
    "members",
    "kakao_accounts",
    "sessions",
    "attempts",
    "outbox",
    "saved_views",
    "admin_preferences",
    "passwords",
    "consents",
    "mail_links",
    "throttles",
    "audit_chain",
    "audit_events",
];

async fn leave(visitor: &Visitor) -> Page {
    let fields = [("check", "yes"), ("reason", "privacy")];
    visitor.press("/me/withdraw", "/me/withdraw", &fields).await
}

/// All rows of a table as text.
fn dump(database: &Database, table: &str) -> String {
    let columns = match database {
        Database::Sqlite(_) => {
            format!("SELECT name AS text FROM pragma_table_info('{table}')")
        }
        Database::Postgres(_) => format!(
            "SELECT column_name::text AS text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{table}'"
        ),
    };
    let columns = database.texts(&columns);
    assert!(!columns.is_empty(), "{table}");
    let all: Vec<String> = columns
        .iter()
        .map(|column| format!("COALESCE(CAST({column} AS TEXT), '')"))
        .collect();
    let rows = format!("SELECT {} AS text FROM {table}", all.join(" || ' ' || "));
    database.texts(&rows).join("\n")
}

// LG-6, TK-7
#[test]
fn nothing_is_left_that_tells_who_it_was() {
    let stage = stage().set("TRUSTED_PROXIES", "127.0.0.0/8");
    stage.everywhere(async |app| {
        let agent = "Mozilla/5.0 (Rare) Browser/77.7 Somebody";
        let devices = [app.visitor(), app.visitor()];
        for visitor in &devices {
            visitor.always("x-forwarded-for", "203.0.113.77");
            visitor.always("user-agent", agent);
            visitor.log_in_as(app, "ordinary").await;
        }
        let [visitor, other] = &devices;
        let member = member_with(app, "ordinary@example.com").await;
        give_password(app, member).await;
        visitor
            .press("/me/edit", "/me/edit", &[("name", "구름산책")])
            .await;
        visitor
            .press("/me", "/me/consents", &[("marketing", "on")])
            .await;
        visitor
            .press("/me/email", "/me/email", &[("email", "wish@example.com")])
            .await;
        let database = &app.backends().database;
        database.execute(&format!(
            "INSERT INTO saved_views (id, member_id, name, query, created_at) VALUES ('v', \
             '{member}', '구름산책의 목록', 'q=1', '2026-03-01 00:00:00')"
        ));
        database.execute(&format!(
            "INSERT INTO admin_preferences (member_id, list_columns, shortcuts) VALUES \
             ('{member}', 'no', FALSE)"
        ));
        let kakao_id = app
            .emulator
            .world()
            .user_id("ordinary")
            .unwrap()
            .to_string();
        let traces = [
            "구름산책",
            "구름",
            "김하늘",
            "ordinary@example.com",
            "wish@example.com",
            kakao_id.as_str(),
            "203.0.113.77",
            agent,
            "argon2",
        ];
        let before: String = TABLES.iter().map(|table| dump(database, table)).collect();
        for trace in traces {
            assert!(before.contains(trace), "{trace} was there");
        }

        let page = visitor.get("/me/withdraw").await;
        assert_eq!(page.h1(), "회원 탈퇴");
        assert!(
            page.attributes("input[checked]", "name").is_empty(),
            "nothing is preselected"
        );
        let left = leave(visitor).await;
        assert_eq!(
            (left.status, left.location()),
            (303, "/goodbye"),
            "{}",
            left.body
        );
        assert_eq!(left.header("clear-site-data"), "\"cache\", \"storage\"");
        assert_eq!(visitor.cookie("kg-session"), None);
        let goodbye = visitor.follow(&left).await;
        assert_eq!(
            (goodbye.status, goodbye.h1().as_str()),
            (200, "탈퇴를 마쳤습니다")
        );
        assert!(goodbye.texts(".note").is_empty());
        assert!(!app.emulator.world().is_linked("ordinary"), "at Kakao, too");
        assert!(app.live_tokens("ordinary").is_empty());
        for device in [visitor, other] {
            assert_eq!(device.get("/me").await.status, 303, "signed out");
        }

        for table in database.tables_with("member_id") {
            assert!(TABLES.contains(&table.as_str()), "{table} is not looked at");
            let own = format!("{table} WHERE member_id = '{member}'");
            // What is still owed, and until it is done.
            assert!(table == "outbox" || app.count(&own).await == 0, "{table}");
        }
        for table in TABLES {
            let rows = dump(database, table);
            for trace in traces {
                // The law wants to know from where; the chain of the log would break without it.
                let kept = *table == "audit_events" && trace == "203.0.113.77";
                assert!(kept || !rows.contains(trace), "{trace} in {table}: {rows}");
            }
        }
        // What stays is a number, dates, and the record under a key that leads to nobody.
        let row = "members WHERE standing = 'withdrawn' AND withdrawn_at IS NOT NULL \
                   AND role = 'member' AND number = 1 AND name_key = '' AND name_grams = ''";
        assert_eq!(app.count(row).await, 1);
        let last = format!(
            "audit_events WHERE action = 'withdraw' AND actor = '{member}' AND reason = 'privacy' \
             AND place = (SELECT MAX(place) FROM audit_events)"
        );
        assert_eq!(app.count(&last).await, 1);
        let waiting = "outbox WHERE kind = 'mail' AND finished_at IS NULL";
        assert_eq!(
            app.count(waiting).await,
            1,
            "a goodbye, and nothing that waited"
        );
        let goodbye = app.letter_to("ordinary@example.com", 1).await;
        assert!(goodbye.subject.contains("탈퇴를 마쳤습니다"));

        // Coming back is coming anew.
        let again = app.visitor();
        again.log_in_as(app, "ordinary").await;
        assert_eq!(
            app.count("members WHERE number = 2 AND standing = 'active'")
                .await,
            1
        );
        let new = member_with(app, "ordinary@example.com").await;
        assert_ne!(new, member);
        assert!(again.get("/me").await.body.contains("김하늘"));
        let verdict = app.gate();
        drop(verdict);
    });
}

// LG-6, AD-3
#[test]
fn the_administration_counts_and_finds_whoever_left_no_more() {
    stage().everywhere(async |app| {
        app.noon();
        let (owner, _) = app.with_role("linked", "owner").await;
        let leaving = app.visitor();
        leaving.log_in_as(app, "ordinary").await;
        let member = member_with(app, "ordinary@example.com").await;
        let cards = async || {
            app.clock.advance(Duration::seconds(5));
            let page = owner.get("/admin").await;
            let texts = page.texts("dl.stats > div, .stats > *");
            texts.join(" | ")
        };
        assert!(cards().await.contains("전체 회원 2"), "{}", cards().await);
        let found = async |what: &str| {
            let page = owner.get(&format!("/admin/members?q={what}")).await;
            page.texts("tbody tr").len()
        };
        assert_eq!(found("하늘").await, 1);
        assert!(leave(&leaving).await.location().starts_with("/goodbye"));
        let after = cards().await;
        assert!(after.contains("전체 회원 1"), "{after}");
        assert!(after.contains("오늘 탈퇴 1"), "{after}");
        for what in ["하늘", "김하늘", "ordinary%40example.com"] {
            assert_eq!(found(what).await, 0, "{what}");
        }
        let row = owner.get("/admin/members").await;
        assert_eq!(row.texts("tbody tr").len(), 2, "number and dates stay");
        let page = owner.get(&format!("/admin/members/{member}")).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains('@') && !page.body.contains("하늘"));
    });
}

// LG-6
#[test]
fn leaving_is_one_page_one_check_and_two_equal_buttons() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let page = visitor.get("/me/withdraw").await;
        assert_eq!(page.texts(".btns .btn"), ["탈퇴하기", "탈퇴하지 않기"]);
        assert_eq!(page.attributes(".btns", "class"), ["btns equal"]);
        assert!(page.body.contains("730일"), "how long the log is kept");
        let unchecked = visitor
            .press("/me/withdraw", "/me/withdraw", &[("reason", "hard")])
            .await;
        assert_eq!((unchecked.status, unchecked.text(".err").as_str()), (422, "내용을 확인한 뒤 선택해 주세요."));
        assert_eq!(unchecked.attributes("input[checked]", "value"), ["hard"], "what was said stays");
        for odd in ["<script>", "privacy' OR 1=1", ""] {
            let other = app.visitor();
            other.log_in_as(app, "linked").await;
            let fields = [("check", "yes"), ("reason", odd)];
            let left = other.press("/me/withdraw", "/me/withdraw", &fields).await;
            assert_eq!(left.location(), "/goodbye", "{odd}");
        }
        let reasons = app
            .values("SELECT reason AS value FROM audit_events WHERE action = 'withdraw' AND reason IS NOT NULL")
            .await;
        assert!(reasons.is_empty(), "{reasons:?}");
        let csrf = visitor.get("/me/withdraw").await.csrf();
        app.clock.advance(Duration::minutes(11));
        let asked = visitor.get("/me/withdraw").await;
        assert_eq!(asked.location(), "/reauth?next=%2Fme%2Fwithdraw");
        let fields = [("csrf", csrf.as_str()), ("check", "yes")];
        let asked = visitor.post("/me/withdraw", &fields).await;
        assert_eq!(asked.location(), "/reauth?next=%2Fme%2Fwithdraw");
        assert_eq!(visitor.get("/me").await.status, 200);
        // Anyone may be told goodbye.
        assert_eq!(app.visitor().get("/goodbye").await.status, 200);
    });
}

// AD-8
#[test]
fn the_last_owner_stays_and_of_two_who_leave_at_once_one_does() {
    let stage = Stage::default().set("ADMIN_EMAILS", "ordinary@example.com,linked@example.com");
    stage.everywhere(async |app| {
        let first = app.visitor();
        first.log_in_as(app, "ordinary").await;
        let page = first.get("/me/withdraw").await;
        assert!(
            page.text(".note").starts_with("마지막 관리자는"),
            "{}",
            page.body
        );
        let fields = [("check", "yes")];
        let refused = first.press("/me/edit", "/me/withdraw", &fields).await;
        assert!(refused.text(".note").starts_with("마지막 관리자는"));
        assert_eq!(first.get("/me").await.status, 200);
        let entries = "audit_events WHERE action = 'withdraw' AND reason = 'last_owner'";
        assert_eq!(app.count(entries).await, 1);

        let second = app.visitor();
        second.log_in_as(app, "linked").await;
        let left = join(leave(&first), leave(&second)).await;
        let left = [left.0, left.1];
        let gone = left
            .iter()
            .filter(|page| page.location().starts_with("/goodbye"))
            .count();
        assert_eq!(gone, 1, "{left:?}");
        assert_eq!(
            app.count("members WHERE role = 'owner' AND standing = 'active'")
                .await,
            1
        );
    });
}

// TK-7, RL-2
#[test]
fn an_outage_of_kakao_keeps_nobody_here() {
    let stage = stage().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        for fault in [
            Fault::Silence,
            Fault::Cut,
            Fault::Status(503),
            Fault::refuse("-10"),
        ] {
            app.emulator.world().reset();
            let said = fault.to_string();
            let visitor = app.visitor();
            visitor.log_in_as(app, "ordinary").await;
            app.emulator.fail(Endpoint::Unlink, fault, Times::Always);
            let left = leave(&visitor).await;
            assert_eq!(left.location(), "/goodbye?kakao=later", "{said}");
            let goodbye = visitor.follow(&left).await;
            assert!(
                goodbye
                    .text(".note")
                    .starts_with("카카오 연결 해제가 늦어지고"),
                "{said}"
            );
            assert_eq!(app.count("kakao_accounts").await, 0, "{said}");
            assert!(app.emulator.world().is_linked("ordinary"), "{said}");
            app.put_off("kind = 'unlink_by_id'", 1).await;
            app.emulator.heal();
            app.clock.advance(Duration::minutes(2));
            app.gate().pay_debts().await.unwrap();
            eventually("Kakao has ended it", async || {
                !app.emulator.world().is_linked("ordinary")
            })
            .await;
            eventually("nobody's number stays", async || {
                app.count("outbox WHERE sealed_token <> '' AND kind <> 'mail'")
                    .await
                    == 0
            })
            .await;
        }
    });
}

// TK-7
#[test]
fn without_an_admin_key_the_token_of_a_session_ends_the_connection() {
    let stage = Stage::default().set("KAKAO_ADMIN_KEY", "");
    stage.once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(leave(&visitor).await.location(), "/goodbye");
        assert!(!app.emulator.world().is_linked("ordinary"));
        // Who has no token left is told to end it at Kakao.
        let visitor = app.visitor();
        visitor.log_in_as(app, "linked").await;
        let forget = "UPDATE sessions SET kakao_access = NULL";
        app.backends().database.execute(forget);
        let left = leave(&visitor).await;
        assert_eq!(left.location(), "/goodbye?kakao=by-hand");
        let told = visitor.follow(&left).await.text(".note");
        assert!(told.contains("직접 해제해 주세요"), "{told}");
        assert_eq!(app.count("members WHERE standing = 'withdrawn'").await, 2);
    });
}

// LG-6, SE-3
#[test]
fn a_login_at_the_same_moment_is_undone_or_makes_somebody_new() {
    Stage::default().everywhere(async |app| {
        for round in 0..6_u64 {
            let leaving = app.visitor();
            leaving.log_in_as(app, "ordinary").await;
            let csrf = leaving.get("/me/withdraw").await.csrf();
            let mut arriving = Vec::new();
            for _ in 0..3 {
                let visitor = app.visitor();
                let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
                arriving.push((visitor, callback));
            }
            let fields = [("csrf", csrf.as_str()), ("check", "yes")];
            let logins = join_all(arriving.iter().map(async |(visitor, callback)| {
                tokio::time::sleep(std::time::Duration::from_millis(round * 3)).await;
                visitor.get(callback).await
            }));
            let (left, pages) = join(leaving.post("/me/withdraw", &fields), logins).await;
            assert!(left.location().starts_with("/goodbye"), "{}", left.body);
            for page in &pages {
                assert_eq!(page.status, 303);
            }
            // Whoever is signed in is a member who is there, and there is at most one.
            let ghosts = "sessions JOIN members ON members.id = member_id \
                          WHERE standing = 'withdrawn'";
            assert_eq!(app.count(ghosts).await, 0, "round {round}");
            let ghosts = "kakao_accounts JOIN members ON members.id = member_id \
                          WHERE standing = 'withdrawn'";
            assert_eq!(app.count(ghosts).await, 0, "round {round}");
            assert!(app.count("members WHERE standing = 'active'").await <= 1);
            // The next round starts with whoever there is; Kakao may have ended the connection.
        }
    });
}

// LG-6
#[test]
fn leaving_twice_or_while_disconnecting_is_leaving_once() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        give_password(app, member_with(app, "ordinary@example.com").await).await;
        let csrf = visitor.get("/me/withdraw").await.csrf();
        let fields = [("csrf", csrf.as_str()), ("check", "yes")];
        let copies = [
            visitor.copy(),
            visitor.copy(),
            visitor.copy(),
            visitor.copy(),
        ];
        let left = join_all(copies.iter().enumerate().map(async |(turn, copy)| {
            if turn == 2 {
                return copy.post("/me/kakao/unlink", &fields[..1]).await;
            }
            copy.post("/me/withdraw", &fields).await
        }));
        for page in left.await {
            assert!([303, 403].contains(&page.status), "{}", page.body);
        }
        let entries = "audit_events WHERE action = 'withdraw' AND result = 'success'";
        assert_eq!(app.count(entries).await, 1);
        assert_eq!(app.count("members WHERE standing = 'withdrawn'").await, 1);
        assert_eq!(app.count("outbox WHERE kind = 'mail'").await, 1);
        eventually("ended at Kakao", async || {
            !app.emulator.world().is_linked("ordinary")
        })
        .await;
        assert_eq!(app.emulator.count(Endpoint::Unlink), 1, "once");
    });
}

// LG-6, AD-5
#[test]
fn who_is_suspended_meanwhile_does_not_slip_away() {
    Stage::default().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let csrf = visitor.get("/me/withdraw").await.csrf();
        let suspend = "UPDATE members SET standing = 'suspended'";
        app.backends().database.execute(suspend);
        let fields = [("csrf", csrf.as_str()), ("check", "yes")];
        let page = visitor.post("/me/withdraw", &fields).await;
        assert!(page.location().starts_with("/login"), "{}", page.location());
        assert_eq!(app.count("members WHERE standing = 'suspended'").await, 1);
        assert_eq!(app.count("kakao_accounts").await, 1);
    });
}

// RL-5, TK-7
#[test]
fn killed_between_erasing_and_disconnecting_it_still_disconnects() {
    for backends in Backends::available() {
        println!("on {backends}");
        actix_web::rt::System::new().block_on(async {
            let mut service = Service::start(backends, &[("KAKAO_TIMEOUT_MS", "300")]).await;
            let visitor = service.visitor();
            let callback = visitor
                .to_callback(&service.emulator, "ordinary", "/me")
                .await;
            assert_eq!(visitor.get(&callback).await.location(), "/me");
            let csrf = visitor.get("/me/withdraw").await.csrf();
            service
                .emulator
                .fail(Endpoint::Unlink, Fault::Cut, Times::Always);
            let fields = [("csrf", csrf.as_str()), ("check", "yes")];
            let (_, ()) = join(
                async {
                    let form = url::form_urlencoded::Serializer::new(String::new())
                        .extend_pairs(fields)
                        .finish();
                    let site = service.url.clone();
                    let headers = [("sec-fetch-site", "same-origin"), ("origin", site.as_str())];
                    let path = "/me/withdraw";
                    visitor
                        .try_send(reqwest::Method::POST, path, &headers, Some(form))
                        .await
                },
                async {
                    let database = &service.backends().database;
                    let gone =
                        "SELECT count(*) AS number FROM members WHERE standing = 'withdrawn'";
                    eventually("erased", async || database.number(gone) == 1).await;
                    service.process.signal("KILL");
                },
            )
            .await;
            service.process.end();
            assert!(service.emulator.world().is_linked("ordinary"));
            let database = &service.backends().database;
            let accounts = "SELECT count(*) AS number FROM kakao_accounts";
            assert_eq!(database.number(accounts), 0);
            service.emulator.heal();
            // The lease of the dead is a minute long; nobody is to wait for it here.
            database.execute("UPDATE outbox SET next_try_at = '2026-01-01 00:00:00'");
            service.start_again().await;
            eventually("ended at Kakao", async || {
                !service.emulator.world().is_linked("ordinary")
            })
            .await;
            assert_eq!(
                service
                    .emulator
                    .world()
                    .live_access_tokens(2_900_000_001)
                    .len(),
                0
            );
        });
    }
}
