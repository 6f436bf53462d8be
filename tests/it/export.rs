//! Members as a file: who gets one, what is in it, what is on record of it, and that a broken one
//! shows.

use crate::stage::page::Page;
use crate::stage::visitor::Visitor;
use crate::stage::{TestApp, everywhere};
use kakao_gate::flow::Origin;
use kakao_gate::flow::admin::{Reason, Wish, Wished};
use kakao_gate::member::{MemberId, Role};
use kakao_gate::store::directory::Filter;

const EXPORT: &str = "/admin/members/export";

const REASON: (&str, &str) = ("reason", "월간 보고 작성");

/// Every field.
const FIELDS: [(&str, &str); 8] = [
    ("field-no", "1"),
    ("field-name", "1"),
    ("field-email", "1"),
    ("field-provider", "1"),
    ("field-status", "1"),
    ("field-role", "1"),
    ("field-created_at", "1"),
    ("field-last_login_at", "1"),
];

/// Somebody of the emulator's people, signed in, with this role.
async fn staff(app: &TestApp, person: &str, role: Role) -> Visitor {
    let visitor = app.visitor();
    visitor.log_in_as(app, person).await;
    let id = app.emulator.world().user_id(person).unwrap();
    let sql = format!(
        "UPDATE members SET role = '{}' WHERE id =
             (SELECT member_id FROM kakao_accounts WHERE kakao_id = {id})",
        role.code()
    );
    app.backends().database.execute(&sql);
    visitor
}

/// Downloads with every field, these beside.
async fn download(visitor: &Visitor, fields: &[(&str, &str)]) -> Page {
    let mut all = FIELDS.to_vec();
    all.extend_from_slice(fields);
    visitor.press(EXPORT, EXPORT, &all).await
}

/// Adds members with no more than what the schema demands; numbers go on from the greatest.
fn add_members(app: &TestApp, count: usize) {
    app.backends().database.execute(&format!(
        "INSERT INTO members (id, number, standing, created_at, last_login_at)
         WITH RECURSIVE more (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < {count})
         SELECT 'x' || n, 1000000 + n, 'active', '2026-01-02 03:04:05', '2026-01-02 03:04:05'
           FROM more"
    ));
    app.backends().database.execute(
        "UPDATE members SET id = '00000000-0000-7000-8000-' || SUBSTR('000000000000' || number,
             LENGTH('000000000000' || number) - 11) WHERE id LIKE 'x%'",
    );
}

async fn entries(app: &TestApp) -> Vec<String> {
    app.values(
        "SELECT result || ' | ' || reason || ' | ' || detail AS value FROM audit_events
          WHERE action = 'member.export' ORDER BY place",
    )
    .await
}

// AD-1
#[test]
fn files_are_for_admins_and_owners() {
    everywhere(async |app| {
        assert_eq!(app.visitor().get(EXPORT).await.status, 404);
        for (person, role, status) in [
            ("ordinary", Role::Member, 404),
            ("no-email", Role::Viewer, 403),
            ("linked", Role::Admin, 200),
            ("long-id", Role::Owner, 200),
        ] {
            let visitor = staff(app, person, role).await;
            let page = visitor.get(EXPORT).await;
            assert_eq!(page.status, status, "{role:?}");
            let whole = page.attributes("input[value=full]", "name");
            assert_eq!(!whole.is_empty(), role == Role::Owner, "{role:?}");
            let csrf = visitor.get("/me").await.csrf();
            let fields = [("csrf", csrf.as_str()), REASON, FIELDS[0]];
            assert_eq!(
                visitor.post(EXPORT, &fields).await.status,
                status,
                "{role:?}"
            );
        }
    });
}

// AD-3, AD-7
#[test]
fn a_masked_file_shows_no_name_and_no_address() {
    everywhere(async |app| {
        let visitor = staff(app, "linked", Role::Admin).await;
        staff(app, "ordinary", Role::Member).await;
        let answer = visitor.get(EXPORT).await;
        assert_eq!(answer.h1(), "CSV 내보내기");
        assert!(
            answer.body.contains("회원 2명을 내보냅니다"),
            "{}",
            answer.body
        );

        let file = download(&visitor, &[REASON]).await;
        assert_eq!(file.status, 200);
        assert_eq!(
            file.header("content-type"),
            "text/csv; charset=utf-8; header=present"
        );
        assert_eq!(file.header("cache-control"), "no-store");
        assert!(file.headers.get("content-length").is_none());
        let disposition = file.header("content-disposition");
        let name = disposition.rsplit("UTF-8''").next().unwrap();
        assert!(
            name.starts_with("members_20") && name.ends_with("_masked.csv"),
            "{name}"
        );
        assert!(disposition.starts_with(&format!("attachment; filename=\"{name}\"")));

        assert!(file.body.starts_with('\u{feff}'));
        let lines: Vec<&str> = file
            .body
            .trim_start_matches('\u{feff}')
            .split("\r\n")
            .collect();
        assert_eq!(
            lines[0],
            "회원번호,회원,이메일,가입 경로,상태,권한,가입일,최근 로그인"
        );
        assert!(
            lines[1].starts_with("1,윤*람,l***@example.com,카카오,정상,관리자,20"),
            "{}",
            lines[1]
        );
        assert!(
            lines[2].starts_with("2,김*늘,o***@example.com,카카오,정상,회원,20"),
            "{}",
            lines[2]
        );
        assert_eq!(lines[3..], [""]);
        for raw in ["윤가람", "김하늘", "linked@", "ordinary@", "2900000"] {
            assert!(!file.body.contains(raw), "{raw}");
        }
    });
}

// AD-3, AD-8
#[test]
fn a_file_in_full_takes_an_owner_a_fresh_proof_and_a_reason() {
    everywhere(async |app| {
        let whole = ("mode", "full");
        let admin = staff(app, "ordinary", Role::Admin).await;
        assert_eq!(download(&admin, &[REASON, whole]).await.status, 403);
        assert_eq!(entries(app).await.len(), 1);
        assert!(entries(app).await[0].starts_with("refused | 월간 보고 작성 | "));

        let owner = staff(app, "linked", Role::Owner).await;
        for short in ["", "    ", "네글자임", "\0\0\0\0\0\0"] {
            let page = download(&owner, &[("reason", short), whole]).await;
            assert_eq!(
                (page.status, page.texts(".errsum li").len()),
                (422, 1),
                "{short:?}"
            );
            assert!(page.attributes("input[value=full][checked]", "name").len() == 1);
        }
        let long = "가".repeat(301);
        assert_eq!(
            download(&owner, &[("reason", &long), whole]).await.status,
            422
        );
        let nothing = owner.press(EXPORT, EXPORT, &[REASON, whole]).await;
        assert_eq!(
            (nothing.status, nothing.texts(".errsum li").len()),
            (422, 1)
        );
        assert_eq!(entries(app).await.len(), 1);

        let file = download(&owner, &[REASON, whole]).await;
        assert_eq!(file.status, 200);
        assert!(file.header("content-disposition").ends_with("_full.csv"));
        assert!(
            file.body.contains(",윤가람,linked@example.com,"),
            "{}",
            file.body
        );

        app.clock.advance(time::Duration::minutes(11));
        let page = download(&owner, &[REASON, whole, ("query", "status=active")]).await;
        assert_eq!(page.status, 303);
        let back = "/reauth?next=%2Fadmin%2Fmembers%2Fexport%3Fstatus%3Dactive";
        assert_eq!(page.location(), back);
        assert_eq!(
            download(&owner, &[REASON]).await.status,
            200,
            "masked needs no proof"
        );
    });
}

// AD-4
#[test]
fn what_was_taken_out_is_on_record_without_what_was_searched_for() {
    everywhere(async |app| {
        let visitor = staff(app, "linked", Role::Admin).await;
        staff(app, "ordinary", Role::Member).await;
        let query = ("query", "q=%EC%9C%A4%EA%B0%80&status=active&provider=kakao");
        let fields = [REASON, query, ("field-no", "1"), ("field-name", "1")];
        let file = visitor.press(EXPORT, EXPORT, &fields).await;
        assert_eq!(file.body, "\u{feff}회원번호,회원\r\n1,윤*람\r\n");
        let entries = entries(app).await;
        assert_eq!(
            entries,
            [
                "success | 월간 보고 작성 | 1 members masked; fields no,name; \
              filter q=name&status=active&provider=kakao"
            ]
        );
    });
}

// AD-4
#[test]
fn what_cannot_be_put_on_record_is_not_shown() {
    everywhere(async |app| {
        let visitor = staff(app, "linked", Role::Admin).await;
        let csrf = visitor.get(EXPORT).await.csrf();
        let database = &app.backends().database;
        database.execute("ALTER TABLE audit_chain RENAME TO audit_chain_gone");
        let mut fields = FIELDS.to_vec();
        fields.extend([REASON, ("csrf", &csrf)]);
        let page = visitor.post(EXPORT, &fields).await;
        assert!(page.status >= 500, "{}", page.status);
        assert!(!page.body.contains("l***@example.com") && !page.body.contains("윤*람"));
        database.execute("ALTER TABLE audit_chain_gone RENAME TO audit_chain");
    });
}

// AD-7
#[test]
fn a_name_that_is_a_formula_stays_a_name() {
    everywhere(async |app| {
        let visitor = staff(app, "linked", Role::Owner).await;
        let set = |name: &str| {
            let name = name.replace('\'', "''");
            let sql = format!("UPDATE members SET display_name = '{name}'");
            app.backends().database.execute(&sql);
        };
        for (name, whole, masked) in [
            ("=1+1", "'=1+1", "'=***"),
            ("+82", "'+82", "'+***"),
            ("-1,\"x\"", "\"'-1,\"\"x\"\"\"", "'-***"),
            ("@SUM(A1)", "'@SUM(A1)", "'@***"),
            ("한 \"별\"", "\"한 \"\"별\"\"\"", "\"한*** \"\"***\""),
        ] {
            set(name);
            for (mode, cell) in [("full", whole), ("masked", masked)] {
                let fields = [REASON, ("mode", mode), ("field-name", "1")];
                let file = visitor.press(EXPORT, EXPORT, &fields).await;
                assert_eq!(file.body, format!("\u{feff}회원\r\n{cell}\r\n"));
            }
        }
    });
}

// AD-7
#[test]
fn more_than_fifty_thousand_are_not_a_file() {
    everywhere(async |app| {
        let visitor = staff(app, "linked", Role::Admin).await;
        let form = visitor.get(EXPORT).await;
        let csrf = form.csrf();
        add_members(app, 50_000);
        let page = visitor.get(EXPORT).await;
        assert_eq!(page.status, 422);
        assert!(
            page.text("[role=alert]").contains("50,000명까지"),
            "{}",
            page.body
        );
        assert!(page.texts(&format!("form[action='{EXPORT}']")).is_empty());
        let fields = [REASON, ("field-no", "1"), ("csrf", &csrf)];
        let refused = visitor.post(EXPORT, &fields).await;
        assert_eq!(refused.status, 422);
        assert!(refused.text("[role=alert]").contains("50,000명까지"));
        assert!(entries(app).await.is_empty());

        // One fewer is one.
        app.backends()
            .database
            .execute("DELETE FROM members WHERE number = 1000001");
        let file = visitor.post(EXPORT, &fields).await;
        assert_eq!((file.status, file.body.lines().count()), (200, 50_001));
    });
}

// AD-7
#[test]
fn a_file_that_breaks_off_does_not_look_whole() {
    everywhere(async |app| {
        let visitor = staff(app, "linked", Role::Admin).await;
        add_members(app, 2_000);
        let csrf = visitor.get(EXPORT).await.csrf();
        let fields = [REASON, ("field-no", "1"), ("csrf", &csrf)];
        // A row in the second batch that no version of this program can have written.
        app.backends()
            .database
            .execute("UPDATE members SET standing = 'odd' WHERE number = 1000700");
        let mut answer = visitor.post_unread(EXPORT, &fields).await;
        assert_eq!(answer.status(), 200);
        let mut body = Vec::new();
        let broken = loop {
            match answer.chunk().await {
                Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(broken, "the transfer ended as if it were whole");
        let lines = String::from_utf8(body).unwrap().lines().count();
        assert!((1..=501).contains(&lines), "{lines}");
    });
}

// AD-7, RL-4
#[test]
fn a_database_locked_in_the_middle_ends_the_file_with_an_error() {
    everywhere(async |app| {
        staff(app, "linked", Role::Admin).await;
        let admin = app.values("SELECT id AS value FROM members").await;
        let admin = MemberId(admin[0].parse().unwrap());
        add_members(app, 1_200);
        let gate = app.gate();
        let wish = Wish {
            filter: Filter::default(),
            told: String::new(),
            fields: "no".to_owned(),
            whole: false,
            reason: Reason::parse("잠긴 데이터베이스").unwrap(),
        };
        let origin = Origin {
            ip: "192.0.2.1".to_owned(),
            user_agent: String::new(),
            request_id: "0123456789ab".to_owned(),
        };
        let wished = gate
            .export(admin, Role::Admin, wish, &origin)
            .await
            .unwrap();
        let Wished::Granted(mut export) = wished else {
            panic!("an admin may");
        };
        assert_eq!(export.next().await.unwrap().len(), 500);
        let database = &app.backends().database;
        database.execute("ALTER TABLE members RENAME TO members_gone");
        assert!(export.next().await.is_err());
        database.execute("ALTER TABLE members_gone RENAME TO members");
        assert_eq!(export.next().await.unwrap().len(), 500);
        assert_eq!(export.next().await.unwrap().len(), 201);
        assert!(export.next().await.unwrap().is_empty());
    });
}
