//! Each mail fault as a program sees it.

use std::time::Duration;

use kakao_gate::emulator::{Consent, MailFault, Times};
use lettre::AsyncTransport as _;
use lettre::transport::smtp::Error;
use tokio::time::{sleep, timeout};

use super::super::{Kakao, authorize_path};
use super::{Smtp, invitation, mailer};

/// What a program hears that sends one mail.
async fn deliver(kakao: &Kakao) -> Result<(), Error> {
    let mailer = mailer(&kakao.emulator);
    mailer.send(invitation()).await.map(|_| ())
}

/// Whether a program that sends one mail and does not wait for long has to give up. The client's
/// own time-out covers connecting only.
async fn gives_up(kakao: &Kakao) -> bool {
    let before = kakao.emulator.mail_attempts();
    let patience = async {
        while kakao.emulator.mail_attempts() == before {
            sleep(Duration::from_millis(10)).await;
        }
        sleep(HASTY).await;
    };
    tokio::select! {
        _ = deliver(kakao) => false,
        () = patience => true,
    }
}

/// How long a program waits that is kept waiting for ever.
const HASTY: Duration = Duration::from_millis(300);

#[actix_web::test]
async fn a_refusal_for_now_and_one_for_good_are_told_apart() {
    let kakao = Kakao::start();
    kakao
        .emulator
        .fail_mail(MailFault::RefuseNow, Times::Exactly(2));
    kakao
        .emulator
        .fail_mail(MailFault::RefuseForGood, Times::Once);
    for code in ["451", "451", "550"] {
        let refused = deliver(&kakao).await.unwrap_err();
        assert_eq!(refused.status().unwrap().to_string(), code);
        assert_eq!(refused.is_transient(), code == "451");
        assert_eq!(refused.is_permanent(), code == "550");
    }
    deliver(&kakao).await.unwrap();
    assert_eq!(
        (kakao.emulator.mails().len(), kakao.emulator.mail_attempts()),
        (1, 4)
    );
}

#[actix_web::test]
async fn every_recipient_of_a_refused_mail_is_refused() {
    let kakao = Kakao::start();
    kakao.emulator.fail_mail(MailFault::RefuseNow, Times::Once);
    let mut smtp = Smtp::greeted(&kakao.emulator).await;
    for (line, code) in [
        ("MAIL FROM:<a@a.example>", 250),
        ("RCPT TO:<b@b.example>", 451),
        ("RCPT TO:<c@b.example>", 451),
        ("DATA", 503),
        ("MAIL FROM:<a@a.example>", 250),
        ("RCPT TO:<b@b.example>", 250),
    ] {
        assert_eq!(smtp.say(line).await, code, "{line}");
    }
}

#[actix_web::test]
async fn a_greeting_that_never_comes_is_given_up() {
    let kakao = Kakao::start();
    kakao.emulator.fail_mail(MailFault::Silence, Times::Once);
    assert!(gives_up(&kakao).await);
    assert_eq!(
        (kakao.emulator.mails().len(), kakao.emulator.mail_attempts()),
        (0, 1)
    );
    deliver(&kakao).await.unwrap();
}

#[actix_web::test]
async fn a_connection_that_stands_falls_silent_at_its_next_mail() {
    let kakao = Kakao::start();
    let mut standing = Smtp::greeted(&kakao.emulator).await;
    kakao.emulator.fail_mail(MailFault::Silence, Times::Once);
    assert_eq!(standing.say("NOOP").await, 250);
    let answer = timeout(HASTY, standing.say("MAIL FROM:<a@a.example>")).await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(kakao.emulator.mail_attempts(), 1);
    deliver(&kakao).await.unwrap();
}

#[actix_web::test]
async fn a_connection_cut_in_the_message_leaves_no_mail() {
    let kakao = Kakao::start();
    kakao.emulator.fail_mail(MailFault::CutInData, Times::Once);
    let failed = deliver(&kakao).await.unwrap_err();
    assert_eq!(failed.status(), None, "{failed:?}");
    assert!(kakao.emulator.mails().is_empty());
    kakao.emulator.fail_mail(MailFault::CutInData, Times::Once);
    let mut smtp = Smtp::at_data(&kakao.emulator).await;
    smtp.send("Subject: x\r\n").await;
    assert_eq!(smtp.rest().await, "");
    deliver(&kakao).await.unwrap();
    assert_eq!(
        (kakao.emulator.mails().len(), kakao.emulator.mail_attempts()),
        (1, 3)
    );
}

#[actix_web::test]
async fn a_lost_answer_leaves_the_sender_in_doubt_and_the_mail_delivered() {
    let kakao = Kakao::start();
    kakao.emulator.fail_mail(MailFault::LostAnswer, Times::Once);
    let failed = deliver(&kakao).await.unwrap_err();
    assert_eq!(failed.status(), None, "{failed:?}");
    assert_eq!(kakao.emulator.mails().len(), 1);
    deliver(&kakao).await.unwrap();
    let mails = kakao.emulator.mails();
    assert_eq!(mails.len(), 2, "who tries again sends it twice");
    assert_eq!(mails[0].text, mails[1].text);
}

#[actix_web::test]
async fn a_slow_server_takes_the_mail_of_the_patient_only() {
    let kakao = Kakao::start();
    let slow = MailFault::Delay(Duration::from_secs(600));
    kakao.emulator.fail_mail(slow, Times::Once);
    assert!(gives_up(&kakao).await);
    assert!(kakao.emulator.mails().is_empty(), "it was never sent");
    let bearable = MailFault::Delay(Duration::from_millis(50));
    kakao.emulator.fail_mail(bearable, Times::Once);
    deliver(&kakao).await.unwrap();
    assert_eq!(
        (kakao.emulator.mails().len(), kakao.emulator.mail_attempts()),
        (1, 2)
    );
}

#[actix_web::test]
async fn healing_forgets_mail_faults_too() {
    let kakao = Kakao::start();
    kakao
        .emulator
        .fail_mail(MailFault::RefuseNow, Times::Always);
    for _ in 0..3 {
        assert!(deliver(&kakao).await.is_err());
    }
    kakao.emulator.heal();
    deliver(&kakao).await.unwrap();
    assert_eq!(kakao.emulator.mail_attempts(), 4);
}

#[actix_web::test]
async fn mail_faults_are_armed_and_cleared_from_the_page() {
    let kakao = Kakao::start();
    let form = [("endpoint", "mail"), ("fault", "550"), ("times", "0")];
    assert_eq!(kakao.post("/emulator/faults", &form).await.status, 303);
    let page = kakao.get("/").await;
    assert!(page.body.contains("<td>mail</td><td><code>550</code></td>"));
    let refused = deliver(&kakao).await.unwrap_err();
    assert!(refused.is_permanent());
    kakao.post("/emulator/faults/clear", &[]).await;
    mailer(&kakao.emulator).send(invitation()).await.unwrap();
    for (target, fault) in [("mail", "KOE320"), ("token", "550"), ("nothing", "cut")] {
        let form = [("endpoint", target), ("fault", fault)];
        let stayed = kakao.post("/emulator/faults", &form).await;
        assert_eq!(stayed.status, 422, "{target} {fault}");
    }
}

#[actix_web::test]
async fn an_authorize_address_may_arm_a_mail_fault() {
    let kakao = Kakao::start();
    kakao
        .get(&authorize_path(&[("emulator_fault", "mail:451")]))
        .await;
    assert!(deliver(&kakao).await.unwrap_err().is_transient());
    let path = authorize_path(&[("emulator_fault", "mail:550")]);
    let address = format!("{}{path}", kakao.emulator.url());
    let _ = kakao.emulator.authorize(&address, "ordinary", Consent::All);
    assert!(deliver(&kakao).await.unwrap_err().is_permanent());
    deliver(&kakao).await.unwrap();
    let misspelt = authorize_path(&[("emulator_fault", "mail:later")]);
    assert_eq!(kakao.get(&misspelt).await.status, 400);
}
