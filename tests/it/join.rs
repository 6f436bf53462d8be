//! Joining by email: the form, the mail, the link, and what becomes of those who never open it.

use futures_util::future::join_all;
use kakao_gate::member::Standing;
use kakao_gate::store::members::{self, acts};
use reqwest::Method;
use time::Duration;
use unicode_normalization::UnicodeNormalization as _;

use crate::stage::email::{self, PASSWORD, link_in};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor, eventually};

pub const NAME: &str = "김하늘";
pub const EMAIL: &str = "hana@example.com";

/// The form as most people send it, with `changes`; an empty value leaves a field out.
pub async fn sign_up(visitor: &Visitor, changes: &[(&str, &str)]) -> Page {
    let mut fields = vec![
        ("name", NAME),
        ("email", EMAIL),
        ("password", PASSWORD),
        ("agree-age", "built-in"),
        ("agree-terms", "built-in"),
        ("agree-privacy", "built-in"),
    ];
    for change in changes {
        fields.retain(|(name, _)| *name != change.0);
        fields.push(*change);
    }
    fields.retain(|(_, value)| !value.is_empty());
    visitor.press("/join", "/join", &fields).await
}

/// Signs up with `email`; the path of the link that is mailed.
async fn asked(app: &TestApp, visitor: &Visitor, email: &str) -> String {
    let sent = sign_up(visitor, &[("email", email)]).await;
    assert_eq!(sent.location(), "/join/sent", "{}", sent.body);
    link_in(&app.last_letter().await)
}

/// Presses the button of the page that a link leads to.
pub async fn finish(visitor: &Visitor, link: &str, fields: &[(&str, &str)]) -> Page {
    let token = link.split_once("token=").unwrap().1;
    let mut fields = fields.to_vec();
    fields.push(("token", token));
    visitor.press("/help", "/join/verify", &fields).await
}

async fn nothing_is_stored(app: &TestApp) {
    for table in ["members", "mail_links", "consents", "passwords", "outbox"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
}

// PW-9, ID-3
#[test]
fn who_opens_the_link_and_presses_its_button_is_a_member_and_signed_in() {
    email::stage().everywhere(async |app| {
        let visitor = app.visitor();
        let sent = sign_up(&visitor, &[("agree-marketing", "built-in")]).await;
        assert_eq!((sent.status, sent.location()), (303, "/join/sent"));
        let page = visitor.follow(&sent).await;
        assert!(page.text("main").contains(EMAIL), "{}", page.body);
        let letter = app.last_letter().await;
        let waiting = "members WHERE standing = 'unverified' AND display_name IS NULL";
        assert_eq!(app.count(waiting).await, 1);
        assert_eq!(app.count("passwords").await, 0);
        assert_eq!(app.count("consents").await, 0);

        assert_eq!((letter.to.as_str(), letter.lang.as_str()), (EMAIL, "ko"));
        assert!(letter.subject.contains("확인"), "{}", letter.subject);
        let link = link_in(&letter);
        // Programs that check mail open links, and nothing comes of it.
        for _ in 0..3 {
            assert_eq!(app.visitor().get(&link).await.status, 200);
            assert_eq!(app.visitor().head(&link).await.status, 200);
        }
        let page = visitor.get(&link).await;
        assert!(page.text("main").contains(EMAIL));
        assert_eq!(page.attributes("input[name=password]", "type").len(), 0);
        assert_eq!(app.count(waiting).await, 1);

        app.clock.advance(Duration::minutes(5));
        let done = finish(&visitor, &link, &[]).await;
        assert_eq!((done.status, done.location()), (303, "/join/done"));
        assert_eq!(visitor.follow(&done).await.status, 200);
        assert_eq!(visitor.cookie("kg-join"), None);
        let me = visitor.get("/me").await;
        assert!(me.text("main").contains(NAME), "{}", me.body);
        let member = "members WHERE standing = 'active' AND joined_with = 'email' \
                      AND email_verified_at IS NOT NULL AND role = 'member'";
        assert_eq!(app.count(member).await, 1);
        assert_eq!(app.count("passwords").await, 1);
        let agreed = "SELECT item || ' ' || version AS value FROM consents ORDER BY item";
        assert_eq!(
            app.values(agreed).await,
            [
                "age built-in",
                "marketing built-in",
                "privacy built-in",
                "terms built-in"
            ]
        );
        // At the moment when the boxes were ticked.
        let before = "consents, members WHERE consents.at < members.email_verified_at";
        assert_eq!(app.count(before).await, 4);
        let entry = "audit_events WHERE action = 'join.email' AND result = 'success'";
        assert_eq!(app.count(entry).await, 1);
        let by_password = "sessions WHERE method = 'password' AND ended_at IS NULL";
        assert_eq!(app.count(by_password).await, 1);

        // The second press leads on; whoever else opens the link is told that it is spent.
        let again = finish(&visitor, &link, &[]).await;
        assert_eq!((again.status, again.location()), (303, "/me"));
        let late = app.visitor().get(&link).await;
        assert_eq!(late.status, 410);
        assert!(late.h1().contains("이미 사용한"), "{}", late.h1());
        let late = finish(&app.visitor(), &link, &[("password", PASSWORD)]).await;
        assert_eq!(late.status, 410);
        assert_eq!(app.count(by_password).await, 1);
    });
}

// ID-3
#[test]
fn another_browser_needs_the_password_that_was_chosen() {
    email::stage().everywhere(async |app| {
        let link = asked(app, &app.visitor(), EMAIL).await;
        let phone = app.visitor();
        let page = phone.get(&link).await;
        assert_eq!(page.attributes("input[name=password]", "type").len(), 1);
        for wrong in ["", "느린 거북이가 바다를 건넌다 ", "null", "\0"] {
            let refused = finish(&phone, &link, &[("password", wrong)]).await;
            assert_eq!(refused.status, 422, "{wrong:?}");
            assert!(!refused.body.contains(PASSWORD));
            assert!(!refused.text(".err").is_empty());
        }
        let without = finish(&phone, &link, &[]).await;
        assert_eq!(without.status, 422);
        assert_eq!(app.count("passwords").await, 0);
        // As another keyboard sends it.
        let decomposed: String = PASSWORD.nfd().collect();
        let done = finish(&phone, &link, &[("password", &decomposed)]).await;
        assert_eq!(done.location(), "/join/done", "{}", done.body);
        assert_eq!(phone.get("/me").await.status, 200);
    });
}

// ID-3, PW-6
#[test]
fn the_password_cannot_be_guessed_with_a_link() {
    email::stage().once(async |app| {
        let visitor = app.visitor();
        let link = asked(app, &visitor, EMAIL).await;
        let other = app.visitor();
        for _ in 0..10 {
            let wrong = finish(&other, &link, &[("password", "a wrong one")]).await;
            assert_eq!(wrong.status, 422);
        }
        let right = finish(&other, &link, &[("password", PASSWORD)]).await;
        assert_eq!(right.status, 429);
        // The browser that asked is not held up by that.
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
    });
}

// PW-5
#[test]
fn an_address_that_has_an_account_gets_the_same_page_and_another_mail() {
    email::stage().everywhere(async |app| {
        let owner = app.visitor();
        let link = asked(app, &owner, EMAIL).await;
        finish(&owner, &link, &[]).await;
        let (letters, links) = (app.letters().await.len(), app.count("mail_links").await);

        let (stranger, newcomer) = (app.visitor(), app.visitor());
        let known = sign_up(&stranger, &[("email", "Hana@Example.com")]).await;
        let unknown = sign_up(&newcomer, &[("email", "nina@example.com")]).await;
        assert_eq!(
            (known.status, known.location()),
            (unknown.status, unknown.location())
        );
        let cookies = [&stranger, &newcomer].map(|one| one.cookie("kg-join").unwrap().len());
        assert_eq!(cookies[0], cookies[1], "not told by the cookie either");
        let (known, unknown) = (
            stranger.get("/join/sent").await,
            newcomer.get("/join/sent").await,
        );
        let plain = |page: &Page, email: &str| page.text("main").replace(email, "…");
        assert_eq!(
            plain(&known, "Hana@example.com"),
            plain(&unknown, "nina@example.com")
        );
        let mailed = app.letters().await;
        assert_eq!(mailed.len(), letters + 2);
        let about = &mailed[letters];
        assert!(about.subject.contains("이미 가입한"), "{}", about.subject);
        assert_eq!(link_in(about), "/login");
        assert_eq!(app.count("mail_links").await, links + 1, "of the newcomer");
        assert_eq!(app.count("members").await, 2);
        assert_eq!(app.count("passwords").await, 1);
    });
}

// PW-9
#[test]
fn twenty_sign_ups_of_one_address_at_once_make_one_member() {
    let stage = email::stage().set("PASSWORD_SLOTS", "8");
    stage.everywhere(async |app| {
        let spellings = [
            "hana@example.com",
            "HANA@example.com",
            " hana@EXAMPLE.com ",
            "ｈａｎａ@example.com",
        ];
        let visitors: Vec<Visitor> = (0..20).map(|_| app.visitor()).collect();
        let sent = visitors.iter().enumerate().map(|(at, visitor)| {
            let email = spellings[at % spellings.len()];
            async move { sign_up(visitor, &[("email", email)]).await }
        });
        let pages = join_all(sent).await;
        let sent = pages.iter().filter(|page| page.status == 303).count();
        assert_eq!(sent, 5, "an address is written to five times an hour");
        let refused = pages.iter().filter(|page| page.status == 429).count();
        assert_eq!(refused, 15);
        let letters = app.letters().await;
        assert_eq!(letters.len(), 5);
        assert_eq!(app.count("members").await, 1);

        // All their links are pressed at once, each with the right password.
        let links: Vec<String> = letters.iter().map(link_in).collect();
        let others: Vec<Visitor> = links.iter().map(|_| app.visitor()).collect();
        let pressed = links.iter().zip(&others);
        let pressed =
            pressed.map(|(link, visitor)| finish(visitor, link, &[("password", PASSWORD)]));
        let pages = join_all(pressed).await;
        let joined = pages.iter().filter(|page| page.status == 303).count();
        assert_eq!(
            joined,
            1,
            "{:?}",
            pages.iter().map(|p| p.status).collect::<Vec<_>>()
        );
        assert!(pages.iter().all(|page| [303, 410].contains(&page.status)));
        assert_eq!(app.count("members WHERE standing = 'active'").await, 1);
        assert_eq!(app.count("sessions WHERE ended_at IS NULL").await, 1);
        assert_eq!(
            app.count("audit_events WHERE action = 'join.email'").await,
            1
        );
        assert_eq!(app.count("mail_links").await, 1, "the one that was used");
    });
}

// ID-3
#[test]
fn an_address_planted_by_another_gives_the_planter_nothing() {
    email::stage().everywhere(async |app| {
        let (planter, owner) = (app.visitor(), app.visitor());
        let planted = [("password", "열 걸음 앞의 파란 대문 집"), ("name", "남")];
        assert_eq!(sign_up(&planter, &planted).await.status, 303);
        let bait = link_in(&app.last_letter().await);
        // Whoever reads the mail does not know the password that the planter chose.
        let page = owner.get(&bait).await;
        assert_eq!(page.attributes("input[name=password]", "type").len(), 1);
        assert_eq!(
            finish(&owner, &bait, &[("password", PASSWORD)])
                .await
                .status,
            422
        );

        let own = asked(app, &owner, EMAIL).await;
        // The planter tries again, which breaks nothing of the owner's.
        assert_eq!(sign_up(&planter, &planted).await.status, 303);
        assert_eq!(finish(&owner, &own, &[]).await.location(), "/join/done");
        assert!(owner.get("/me").await.text("main").contains(NAME));
        assert_eq!(app.count("members").await, 1);

        // What was planted is gone, with or without its link.
        assert_eq!(finish(&planter, &bait, &[]).await.status, 410);
        let letters = app.letters().await.len();
        app.clock.advance(Duration::minutes(2));
        let again = planter.press("/join/sent", "/join/resend", &[]).await;
        assert_eq!(again.status, 303);
        let letters = &app.letters().await[letters..];
        assert_eq!(letters.len(), 1);
        assert_eq!(link_in(&letters[0]), "/login", "the owner has an account");
        assert_eq!(planter.get("/me").await.status, 303);
    });
}

// PW-3, AD-7
#[test]
fn everything_wrong_is_said_at_once_and_nothing_is_stored() {
    email::stage().everywhere(async |app| {
        let visitor = app.visitor();
        let fresh = visitor.get("/join").await;
        assert_eq!(
            fresh.attributes("input[type=checkbox][name]", "name").len(),
            4
        );
        assert_eq!(fresh.attributes("input[checked]", "name").len(), 0);
        let empty = [
            ("name", ""),
            ("email", ""),
            ("password", ""),
            ("agree-age", ""),
            ("agree-terms", ""),
            ("agree-privacy", ""),
        ];
        let page = sign_up(&visitor, &empty).await;
        assert_eq!(page.status, 422);
        assert!(
            page.text("title").starts_with("오류: "),
            "{}",
            page.text("title")
        );
        let links = page.attributes("#errsum a", "href");
        assert_eq!(
            links,
            [
                "#name",
                "#email",
                "#password",
                "#agree-age",
                "#agree-terms",
                "#agree-privacy"
            ]
        );
        for link in &links {
            let about = page.attributes(link, "aria-invalid");
            assert_eq!(about, ["true"], "{link}");
        }
        assert_eq!(page.texts("#errsum a"), page.texts(".err"), "word for word");

        let kept = [
            ("email", "a@b@c"),
            ("agree-marketing", "built-in"),
            ("agree-age", ""),
        ];
        let page = sign_up(&visitor, &kept).await;
        assert_eq!(page.attributes("#name", "value"), [NAME]);
        assert_eq!(page.attributes("#email", "value"), ["a@b@c"]);
        assert_eq!(page.attributes("#password", "value").len(), 0);
        assert!(!page.body.contains(PASSWORD));
        let ticked = page.attributes("input[checked]", "name");
        assert_eq!(ticked, ["agree-terms", "agree-privacy", "agree-marketing"]);
        assert!(page.text("#agree-age-err").contains("14"));
        nothing_is_stored(app).await;
    });
}

// PW-9, ID-9
#[test]
fn no_field_is_a_way_in_for_anything_but_what_it_asks() {
    email::stage().everywhere(async |app| {
        let long = "a".repeat(400);
        let long_address = format!("{long}@example.com");
        let visitor = app.visitor();
        for email in [
            "a@b@c.example",
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example, c@d.example",
            "\"a\"@b.example",
            "a\0@b.example",
            "a@127.0.0.1",
            "<a@b.example>",
            "' OR 1=1 --",
            &long_address,
            &long,
        ] {
            let page = sign_up(&visitor, &[("email", email)]).await;
            assert_eq!(page.status, 422, "{email:?}");
            assert!(!page.text("#email-err").is_empty(), "{email:?}");
        }
        for name in ["\0", "\u{202e}\u{200b}", " \n ", &long] {
            let page = sign_up(&visitor, &[("name", name)]).await;
            assert_eq!(page.status, 422, "{name:?}");
            assert!(!page.text("#name-err").is_empty(), "{name:?}");
        }
        nothing_is_stored(app).await;

        // What can be a name is one, and stays text.
        let decomposed: String = NAME.nfd().collect();
        for (at, (typed, kept)) in [
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
            (
                "Robert'); DROP TABLE members; --",
                "Robert'); DROP TABLE members; --",
            ),
            ("가\r\nBcc: x@y.example", "가 Bcc: x@y.example"),
            (decomposed.as_str(), NAME),
        ]
        .into_iter()
        .enumerate()
        {
            let (visitor, email) = (app.visitor(), format!("m{at}@example.com"));
            let sent = sign_up(&visitor, &[("name", typed), ("email", &email)]).await;
            assert_eq!(sent.status, 303, "{typed:?}");
            let link = link_in(&app.last_letter().await);
            assert_eq!(finish(&visitor, &link, &[]).await.status, 303);
            let me = visitor.get("/me").await;
            assert!(me.texts("bdi").iter().any(|text| text == kept), "{kept:?}");
            assert!(me.texts("main script").is_empty());
        }
    });
}

// PW-1, PW-2, PW-3
#[test]
fn a_password_that_is_not_taken_is_refused_with_the_reason() {
    email::stage().once(async |app| {
        let visitor = app.visitor();
        for (password, says) in [
            ("짧은 암호", "10자 이상"),
            (
                "\u{1100}\u{1161}\u{11ab}\u{1100}\u{1161}\u{11ab}\u{1100}\u{1161}\u{11ab}",
                "10자 이상",
            ),
            (&"가나다라마바사아자차카타파하".repeat(10), "128자 이하"),
            ("password1234", "많이 쓰이는"),
            ("김하늘김하늘김하늘김하늘", "많이 쓰이는"),
            ("0123456789", "많이 쓰이는"),
        ] {
            let page = sign_up(&visitor, &[("password", password)]).await;
            assert_eq!(page.status, 422, "{password:?}");
            let text = page.text("#password-err");
            assert!(text.contains(says), "{password:?}: {text}");
            assert!(!page.body.contains(password));
        }
        let huge = "a1한".repeat(250_000);
        let page = sign_up(&visitor, &[("password", &huge)]).await;
        assert_eq!(page.status, 400);
        nothing_is_stored(app).await;
        // NUL and whatever else a keyboard may send is a password like any other.
        let odd = "아무\0것이나 된다 🌧";
        assert_eq!(sign_up(&visitor, &[("password", odd)]).await.status, 303);
        let link = link_in(&app.last_letter().await);
        let done = finish(&app.visitor(), &link, &[("password", odd)]).await;
        assert_eq!(done.status, 303);
    });
}

// PW-2
#[test]
fn passwords_that_are_equal_in_their_first_72_bytes_are_two() {
    email::stage().once(async |app| {
        let start: String = "바다거북이 ".repeat(12);
        let (chosen, other) = (format!("{start}산"), format!("{start}강"));
        let visitor = app.visitor();
        assert_eq!(
            sign_up(&visitor, &[("password", &chosen)]).await.status,
            303
        );
        let link = link_in(&app.last_letter().await);
        let phone = app.visitor();
        let wrong = finish(&phone, &link, &[("password", &other)]).await;
        assert_eq!(wrong.status, 422);
        let shorter = finish(&phone, &link, &[("password", &start)]).await;
        assert_eq!(shorter.status, 422);
        let right = finish(&phone, &link, &[("password", &chosen)]).await;
        assert_eq!(right.location(), "/join/done");
        assert_eq!(app.visitor().knock(EMAIL, &other).await.status, 422);
        app.visitor().enter(EMAIL, &chosen).await;
    });
}

// PW-6
#[test]
fn the_browser_that_joined_is_no_new_device_and_its_session_ends_with_it() {
    email::stage().everywhere(async |app| {
        let visitor = app.visitor();
        let link = asked(app, &visitor, EMAIL).await;
        let done = finish(&visitor, &link, &[]).await;
        assert!(!done.set_cookie("kg-session").contains("Max-Age"));
        assert_eq!(app.count("sessions WHERE brief").await, 1);
        let letters = app.letters().await.len();
        // Strangers use up what is let through for the address.
        for _ in 0..5 {
            let wrong = app
                .visitor()
                .knock(EMAIL, "열 걸음 앞의 파란 대문 집")
                .await;
            assert_eq!(wrong.status, 422);
        }
        assert_eq!(app.visitor().knock(EMAIL, PASSWORD).await.status, 429);
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        visitor.enter(EMAIL, PASSWORD).await;
        assert_eq!(app.letters().await.len(), letters, "nothing to tell of");
    });
}

// PW-8
#[test]
fn a_clock_that_is_set_back_an_hour_keeps_nobody_out() {
    email::stage().everywhere(async |app| {
        let visitor = app.visitor();
        let first = asked(app, &visitor, EMAIL).await;
        app.clock.advance(Duration::hours(-1));
        assert_eq!(visitor.get(&first).await.status, 200);
        assert_eq!(visitor.get("/join/sent").await.status, 200);
        // What was counted in the time that never was holds nobody up.
        let again = visitor.press("/join/sent", "/join/resend", &[]).await;
        assert_eq!(again.location(), "/join/sent?again=1");
        let second = app
            .letters()
            .await
            .into_iter()
            .map(|letter| link_in(&letter));
        let second = second.into_iter().find(|link| *link != first).unwrap();
        assert_eq!(visitor.get(&first).await.status, 410);
        assert_eq!(
            finish(&visitor, &second, &[]).await.location(),
            "/join/done"
        );
        assert_eq!(visitor.get("/me").await.status, 200);
    });
}

// PW-8
#[test]
fn a_link_that_is_late_altered_or_made_up_makes_no_member() {
    email::stage().everywhere(async |app| {
        let visitor = app.visitor();
        let link = asked(app, &visitor, EMAIL).await;
        let altered = match link.strip_suffix('A') {
            Some(start) => format!("{start}B"),
            None => format!("{}A", &link[..link.len() - 1]),
        };
        for wrong in [
            altered.as_str(),
            "/join/verify",
            "/join/verify?token=",
            "/join/verify?token=%00%ff",
            &format!("/join/verify?token={}", "a".repeat(2_000)),
        ] {
            let page = visitor.get(wrong).await;
            assert_eq!(page.status, 410, "{wrong}");
            assert!(
                page.h1().contains("사용할 수 없는"),
                "{wrong}: {}",
                page.h1()
            );
        }
        assert_eq!(finish(&visitor, &altered, &[]).await.status, 410);

        app.clock.advance(Duration::minutes(29));
        assert_eq!(visitor.get(&link).await.status, 200);
        app.clock.advance(Duration::minutes(1));
        let late = visitor.get(&link).await;
        assert_eq!(late.status, 410);
        assert!(late.h1().contains("유효 시간"), "{}", late.h1());
        assert_eq!(finish(&visitor, &link, &[]).await.status, 410);
        assert_eq!(app.count("members WHERE standing = 'active'").await, 0);

        // Its time over, another can be had, and nothing has to be typed again.
        let again = visitor.press("/join/sent", "/join/resend", &[]).await;
        assert_eq!(again.location(), "/join/sent?again=1");
        let link = link_in(&app.last_letter().await);
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
    });
}

#[test]
fn the_mail_comes_again_once_a_minute_with_a_new_link() {
    email::stage().everywhere(async |app| {
        let visitor = app.visitor();
        let first = asked(app, &visitor, EMAIL).await;
        let hasty = visitor.press("/join/sent", "/join/resend", &[]).await;
        assert!(hasty.location().starts_with("/join/sent?wait="));
        let page = visitor.follow(&hasty).await;
        assert!(page.text("[role=alert]").contains("1분에 한 번"));
        assert_eq!(app.letters().await.len(), 1);

        app.clock.advance(Duration::minutes(1));
        // The button pressed twice at one moment.
        let csrf = visitor.get("/join/sent").await.csrf();
        let fields = [("csrf", csrf.as_str())];
        let twin = visitor.copy();
        let pressed = join_all([
            visitor.post("/join/resend", &fields),
            twin.post("/join/resend", &fields),
        ])
        .await;
        let mailed = pressed
            .iter()
            .filter(|page| page.location() == "/join/sent?again=1");
        assert_eq!(mailed.count(), 1);
        assert_eq!(app.letters().await.len(), 2);
        let second = link_in(&app.last_letter().await);
        assert_ne!(first, second);
        assert_eq!(visitor.get(&first).await.status, 410, "replaced");
        let other = app.visitor();
        let done = finish(&other, &second, &[("password", PASSWORD)]).await;
        assert_eq!(done.location(), "/join/done");

        // Nobody else can have mail sent from here.
        let stranger = app.visitor();
        let page = stranger.press("/join", "/join/resend", &[]).await;
        assert_eq!(page.location(), "/join");
        assert_eq!(stranger.get("/join/sent").await.location(), "/join");
        stranger.set_cookie("kg-join", "made.up");
        assert_eq!(stranger.get("/join/sent").await.location(), "/join");
    });
}

#[test]
fn an_address_can_be_corrected_without_typing_the_name_again() {
    email::stage().once(async |app| {
        let visitor = app.visitor();
        asked(app, &visitor, "hama@example.com").await;
        let form = visitor.get("/join").await;
        assert_eq!(form.attributes("#name", "value"), [NAME]);
        assert_eq!(form.attributes("#email", "value"), ["hama@example.com"]);
        assert_eq!(form.attributes("input[checked]", "name").len(), 0);
        let link = asked(app, &visitor, EMAIL).await;
        assert_eq!(app.last_letter().await.to, EMAIL);
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
    });
}

// PW-6
#[test]
fn sign_ups_are_limited_by_network_across_instances() {
    let stage = email::stage().set("RATE_JOINS", "3");
    stage.everywhere(async |app| {
        let other = app.another().await;
        let sites = [app.url.clone(), format!("http://{}", other.address())];
        let mut statuses = Vec::new();
        for at in 0..5 {
            let email = format!("m{at}@example.com");
            // Another instance at the same public address.
            let visitor = app.visitor().at(&sites[at % 2]);
            let csrf = visitor.get("/join").await.csrf();
            let fields = [
                ("csrf", csrf.as_str()),
                ("name", NAME),
                ("email", &email),
                ("password", PASSWORD),
                ("agree-age", "built-in"),
                ("agree-terms", "built-in"),
                ("agree-privacy", "built-in"),
            ];
            let headers = [("sec-fetch-site", "same-origin")];
            let page = visitor.post_with("/join", &headers, &fields).await;
            statuses.push(page.status);
            if page.status == 429 {
                let wait: u64 = page.header("retry-after").parse().unwrap();
                assert!((3_000..=3_600).contains(&wait), "{wait}");
                assert_eq!(page.attributes("#email", "value"), [email.as_str()]);
                assert!(page.text("#email-err").contains("분 뒤"));
            }
        }
        assert_eq!(statuses, [303, 303, 303, 429, 429]);
        assert_eq!(app.letters().await.len(), 3);
        other.stop().await;
        // Addresses are not kept for counting.
        let kept = app.values("SELECT what AS value FROM throttles").await;
        assert!(
            kept.iter().all(|what| !what.contains("127.0.0.1")),
            "{kept:?}"
        );
        app.clock.advance(Duration::minutes(61));
        let later = sign_up(&app.visitor(), &[("email", "later@example.com")]).await;
        assert_eq!(later.status, 303);
    });
}

// AD-8
#[test]
fn whom_the_settings_name_is_an_owner_when_the_address_is_proved_and_not_before() {
    let stage = email::stage().set("ADMIN_EMAILS", "Hana@Example.com");
    stage.everywhere(async |app| {
        let visitor = app.visitor();
        let link = asked(app, &visitor, EMAIL).await;
        assert_eq!(app.count("members WHERE role <> 'member'").await, 0);
        finish(&visitor, &link, &[]).await;
        assert_eq!(app.count("members WHERE role = 'owner'").await, 1);
        let given = "audit_events WHERE action = 'member.role' AND actor IS NULL \
                     AND reason = 'settings'";
        assert_eq!(app.count(given).await, 1);
    });
}

// CB-4, CB-6
#[test]
fn whoever_was_signed_in_before_is_signed_out_by_a_new_member() {
    email::stage().everywhere(async |app| {
        let visitor = app.visitor();
        let link = asked(app, &visitor, EMAIL).await;
        visitor.log_in_as(app, "ordinary").await;
        let before = visitor.copy();
        let done = finish(&visitor, &link, &[]).await;
        assert_eq!(done.location(), "/join/done");
        assert!(visitor.get("/me").await.text("main").contains(NAME));
        assert_eq!(before.get("/me").await.status, 303);
        assert_eq!(app.count("sessions WHERE ended_by = 'new_login'").await, 1);
        // Somebody signed in has no need of the form.
        assert_eq!(visitor.get("/join").await.location(), "/me");
    });
}

// AD-5
#[test]
fn somebody_suspended_before_the_link_was_opened_does_not_come_in() {
    email::stage().everywhere(async |app| {
        let visitor = app.visitor();
        let link = asked(app, &visitor, EMAIL).await;
        let store = app.gate().store;
        let id = app.values("SELECT id AS value FROM members").await;
        let id = kakao_gate::member::MemberId(id[0].parse().unwrap());
        let suspend = store.write(move |connection| {
            let standing = Standing::Suspended { until: None };
            acts::set_standing(connection, id, &standing, Some("spam"))
        });
        suspend.await.unwrap();
        let refused = finish(&visitor, &link, &[]).await;
        assert_eq!(refused.leads_to_error(), "suspended");
        assert_eq!(visitor.follow(&refused).await.status, 403);
        assert_eq!(visitor.get("/me").await.status, 303);
        assert_eq!(app.count("sessions").await, 0);
    });
}

#[test]
fn who_never_opens_the_link_is_forgotten_after_a_day_and_by_one_instance() {
    email::stage().everywhere(async |app| {
        for at in 0..7 {
            asked(app, &app.visitor(), &format!("m{at}@example.com")).await;
        }
        let member = app.visitor();
        let link = asked(app, &member, EMAIL).await;
        finish(&member, &link, &[]).await;
        app.clock.advance(Duration::hours(24));
        // The seventh asks once more at the last moment, and is still waited for.
        let late = app.visitor();
        let link = asked(app, &late, "m6@example.com").await;
        app.clock.advance(Duration::minutes(31));
        assert_eq!(late.get(&link).await.status, 410);
        let other = app.another().await;
        let (one, two) = (app.gate(), other.gate.clone());
        let forget = async |gate: &kakao_gate::flow::Gate| {
            let mut forgotten = 0;
            loop {
                match gate.forget_awaited(2).await.unwrap() {
                    0 => return forgotten,
                    some => forgotten += some,
                }
            }
        };
        let (first, second) = tokio::join!(forget(&one), forget(&two));
        // The rest was forgotten by what runs in the background of the second instance.
        assert!(first + second <= 6, "nobody twice: {first} and {second}");
        let left = "SELECT email AS value FROM members ORDER BY email";
        eventually("forgotten", async || {
            app.values(left).await == [EMAIL, "m6@example.com"]
        })
        .await;
        other.stop().await;
        let orphans = "mail_links WHERE member_id NOT IN (SELECT id FROM members)";
        assert_eq!(app.count(orphans).await, 0);
        let count = app.gate().store.read(members::count).await.unwrap();
        assert_eq!(count, 2);
        member.enter(EMAIL, PASSWORD).await;
    });
}

#[test]
fn links_and_counts_whose_time_is_over_are_forgotten_by_the_background_work() {
    email::stage().once(async |app| {
        asked(app, &app.visitor(), EMAIL).await;
        assert_eq!(app.count("throttles").await, 2);
        app.clock.advance(Duration::days(4));
        // It begins its rounds when the service starts.
        app.restart(&[]).await;
        eventually("forgotten", async || {
            let mut left = 0;
            for table in ["members", "mail_links", "throttles"] {
                left += app.count(table).await;
            }
            left == 0
        })
        .await;
    });
}

#[test]
fn without_mail_there_is_no_way_in_by_email() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        for path in ["/join", "/join/sent", "/join/verify?token=x", "/join/done"] {
            assert_eq!(visitor.get(path).await.status, 404, "{path}");
        }
        let csrf = visitor.get("/login").await.csrf();
        for path in ["/join", "/join/resend", "/join/verify"] {
            let page = visitor.post(path, &[("csrf", &csrf)]).await;
            assert_eq!(page.status, 404, "{path}");
        }
    });
}

// LG-1, LG-2
#[test]
fn the_link_reaches_nobody_but_the_mailbox() {
    email::stage().everywhere(async |app| {
        let visitor = app.visitor();
        let link = asked(app, &visitor, EMAIL).await;
        let token = link.split_once("token=").unwrap().1;
        let sealed = app
            .values(
                "SELECT digest || ' ' || sealed || ' ' || email_key AS value FROM mail_links \
                 UNION ALL SELECT sealed_token FROM outbox",
            )
            .await;
        for text in &sealed {
            assert!(!text.contains(token) && !text.contains(NAME), "{text}");
            assert!(!text.contains("$argon2"), "{text}");
        }
        assert!(
            visitor
                .cookies()
                .iter()
                .all(|value| !value.contains("hana"))
        );
        // Whatever host a request claims to be for.
        let evil = [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
        ];
        let csrf = app.visitor().get("/join").await.csrf();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            ("csrf", csrf.as_str()),
            ("name", NAME),
            ("email", "other@example.com"),
            ("password", PASSWORD),
            ("agree-age", "built-in"),
            ("agree-terms", "built-in"),
            ("agree-privacy", "built-in"),
        ]);
        let mut headers = evil.to_vec();
        headers.push(("sec-fetch-site", "same-origin"));
        app.visitor()
            .send(Method::POST, "/join", &headers, Some(form.finish()))
            .await;
        for letter in app.letters().await {
            assert!(letter.paragraphs.last().unwrap().starts_with(&app.url));
        }
    });
}
