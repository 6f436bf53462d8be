//! Joining by email, with a mail server that does well, badly, or nothing at all.

use kakao_gate::emulator::{Mail, MailFault, Times};
use time::Duration;

use crate::join::{EMAIL, NAME, finish, sign_up};
use crate::stage::email::carried;
use crate::stage::{TestApp, Visitor, eventually};

/// The mails that have arrived, once there are `count` of them.
async fn arrived(app: &TestApp, count: usize) -> Vec<Mail> {
    eventually("mail", async || app.emulator.mails().len() >= count).await;
    let mails = app.emulator.mails();
    assert_eq!(mails.len(), count);
    mails
}

/// The link of a mail, as the mailbox shows it.
fn link_in(app: &TestApp, mail: &Mail) -> String {
    let link = mail.links.last().unwrap();
    link.strip_prefix(&app.url).unwrap().to_owned()
}

/// Asks to join; whatever the mail server does, the page is there.
async fn ask(visitor: &Visitor) {
    let sent = sign_up(visitor, &[]).await;
    assert_eq!(sent.location(), "/join/sent", "{}", sent.body);
    assert_eq!(visitor.follow(&sent).await.status, 200);
}

/// Waits until a try is over, whose letter is to be carried another time.
async fn put_off(app: &TestApp, tries: usize) {
    let letter = format!("kind = 'mail' AND tries = {tries}");
    app.put_off(&letter, 1).await;
    assert_eq!(app.emulator.mail_attempts(), tries);
}

#[test]
fn the_mail_says_what_it_is_and_its_link_ends_the_sign_up() {
    carried().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.always("accept-language", "en");
        ask(&visitor).await;
        let mail = arrived(app, 1).await.remove(0);
        assert_eq!(mail.to, [EMAIL]);
        assert_eq!(mail.from, "Kakao Gate <no-reply@example.com>");
        assert!(mail.subject.contains("Confirm"), "{}", mail.subject);
        assert!(mail.text.contains("30 minutes"), "{}", mail.text);
        assert!(!mail.text.contains(NAME), "nobody is greeted by a stranger");
        assert!(mail.html.contains("lang=\"en\""), "{}", mail.html);
        for missing in ["<img", "<script", "<style"] {
            assert!(!mail.html.contains(missing), "{missing}");
        }
        let header = |name: &str| {
            let mut headers = mail.headers.iter();
            headers.any(|(found, _)| found.eq_ignore_ascii_case(name))
        };
        assert!(header("Auto-Submitted"));
        assert!(!header("List-Unsubscribe"), "it is no newsletter");
        assert_eq!(mail.links.len(), 1);
        let link = link_in(app, &mail);
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
        let forgotten = "outbox WHERE sealed_token <> ''";
        eventually("nothing is left of it", async || {
            app.count(forgotten).await == 0
        })
        .await;
    });
}

#[test]
fn a_mail_server_that_says_nothing_delays_nobodys_page() {
    carried().once(async |app| {
        app.emulator.fail_mail(MailFault::Silence, Times::Always);
        let visitor = app.visitor();
        ask(&visitor).await;
        eventually("the letter is under way", async || {
            app.emulator.mail_attempts() >= 1
        })
        .await;
        // While it is: the same page for others, and for whoever has an account.
        for other in ["m1@example.com", "m2@example.com"] {
            let sent = sign_up(&app.visitor(), &[("email", other)]).await;
            assert_eq!(sent.location(), "/join/sent");
        }
        assert_eq!(app.visitor().get("/login").await.status, 200);
        assert!(app.emulator.mails().is_empty());

        app.emulator.heal();
        // Another instance does not wait for this one.
        app.clock.advance(Duration::minutes(2));
        let other = app.another().await;
        let mails = arrived(app, 3).await;
        let mine = mails.iter().find(|mail| mail.to == [EMAIL]).unwrap();
        let link = link_in(app, mine);
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
        other.stop().await;
    });
}

#[test]
fn a_mail_that_is_refused_for_now_comes_later() {
    carried().everywhere(async |app| {
        app.emulator
            .fail_mail(MailFault::RefuseNow, Times::Exactly(2));
        let visitor = app.visitor();
        ask(&visitor).await;
        put_off(app, 1).await;
        app.clock.advance(Duration::seconds(10));
        put_off(app, 2).await;
        app.clock.advance(Duration::seconds(30));
        let mail = arrived(app, 1).await.remove(0);
        let link = link_in(app, &mail);
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
    });
}

#[test]
fn a_mail_that_is_refused_for_good_is_given_up_and_another_can_be_had() {
    carried().once(async |app| {
        app.emulator
            .fail_mail(MailFault::RefuseForGood, Times::Once);
        let visitor = app.visitor();
        ask(&visitor).await;
        let given_up = "outbox WHERE kind = 'mail' AND outcome = 'refused' AND sealed_token = ''";
        eventually("given up", async || app.count(given_up).await == 1).await;
        app.clock.advance(Duration::minutes(1));
        let again = visitor.press("/join/sent", "/join/resend", &[]).await;
        assert_eq!(again.location(), "/join/sent?again=1");
        let mail = arrived(app, 1).await.remove(0);
        assert_eq!(app.emulator.mail_attempts(), 2);
        let link = link_in(app, &mail);
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
    });
}

#[test]
fn a_connection_that_breaks_in_the_middle_costs_a_try_and_not_the_mail() {
    carried().once(async |app| {
        app.emulator.fail_mail(MailFault::CutInData, Times::Once);
        let visitor = app.visitor();
        ask(&visitor).await;
        put_off(app, 1).await;
        assert!(app.emulator.mails().is_empty());
        app.clock.advance(Duration::seconds(10));
        let mail = arrived(app, 1).await.remove(0);
        let link = link_in(app, &mail);
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
    });
}

#[test]
fn a_mail_whose_answer_was_lost_comes_twice_and_is_one_message() {
    carried().once(async |app| {
        app.emulator.fail_mail(MailFault::LostAnswer, Times::Once);
        let visitor = app.visitor();
        ask(&visitor).await;
        put_off(app, 1).await;
        app.clock.advance(Duration::seconds(10));
        let mails = arrived(app, 2).await;
        let id = |mail: &Mail| {
            let headers = mail.headers.iter();
            let mut ids = headers.filter(|(name, _)| name.eq_ignore_ascii_case("message-id"));
            ids.next().unwrap().1.clone()
        };
        assert_eq!(id(&mails[0]), id(&mails[1]));
        assert_eq!(mails[0].links, mails[1].links);
        let link = link_in(app, &mails[1]);
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
    });
}

#[test]
fn whoever_is_written_to_while_the_service_stops_is_written_to_once() {
    carried().everywhere(async |app| {
        app.emulator.fail_mail(MailFault::RefuseNow, Times::Once);
        let visitor = app.visitor();
        ask(&visitor).await;
        put_off(app, 1).await;
        app.go_down().await;
        app.clock.advance(Duration::minutes(2));
        app.come_up().await;
        let other = app.another().await;
        let mail = arrived(app, 1).await.remove(0);
        let link = link_in(app, &mail);
        assert_eq!(finish(&visitor, &link, &[]).await.location(), "/join/done");
        other.stop().await;
        assert_eq!(app.emulator.mails().len(), 1);
        assert_eq!(app.count("mail_links").await, 1);
    });
}
