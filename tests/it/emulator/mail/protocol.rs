//! RFC 5321, line by line.

use tokio::io::AsyncWriteExt as _;

use super::super::Kakao;
use super::Smtp;

#[actix_web::test]
async fn what_comes_out_of_turn_is_refused_and_the_turn_stays() {
    let kakao = Kakao::start();
    let mut smtp = Smtp::connect(&kakao.emulator).await;
    assert_eq!(smtp.code().await, 220);
    for (line, code) in [
        ("MAIL FROM:<a@a.example>", 503),
        ("HELO test", 250),
        ("RCPT TO:<b@b.example>", 503),
        ("DATA", 503),
        ("MAIL FROM:<a@a.example>", 250),
        ("MAIL FROM:<c@a.example>", 503),
        ("RCPT TO:b@b.example", 501),
        ("DATA", 503),
        ("MAIL FROM:<a@a.example>", 250),
        ("RCPT TO:<b@b.example>", 250),
        ("RSET", 250),
        ("DATA", 503),
        ("MAIL FROM:<>", 250),
        ("RCPT TO:<b@b.example>", 250),
        ("ehlo again", 250),
        ("DATA", 503),
        ("VRFY <b@b.example>", 252),
        ("NOOP", 250),
        ("STARTTLS", 502),
        ("FETCH 1", 500),
    ] {
        assert_eq!(smtp.say(line).await, code, "{line}");
    }
    assert_eq!(smtp.say("QUIT").await, 221);
    assert_eq!(smtp.rest().await, "");
    assert!(kakao.emulator.mails().is_empty());
    assert_eq!(kakao.emulator.mail_attempts(), 3, "those out of turn aside");
}

#[actix_web::test]
async fn the_extensions_are_told_and_hold() {
    let kakao = Kakao::start();
    let mut smtp = Smtp::connect(&kakao.emulator).await;
    assert_eq!(smtp.code().await, 220);
    smtp.send("EHLO test\r\n").await;
    let told = smtp.reply().await;
    for extension in ["8BITMIME\r\n", "SMTPUTF8\r\n", "SIZE 1048576\r\n"] {
        assert!(told.contains(extension), "{told}");
    }
    assert_eq!(smtp.say("MAIL FROM:<a@a.example> SIZE=1048577").await, 552);
    assert_eq!(smtp.say("MAIL FROM:<하늘@a.example>").await, 553);
    assert_eq!(smtp.say("MAIL FROM:<a@a.example> BODY=8BITMIME").await, 250);
    assert_eq!(smtp.say("RCPT TO:<하늘@b.example>").await, 553);
    assert_eq!(smtp.say("RSET").await, 250);
    assert_eq!(
        smtp.say("MAIL FROM:<하늘@a.example> SMTPUTF8 SIZE=20")
            .await,
        250
    );
    assert_eq!(smtp.say("RCPT TO:<바다@b.example>").await, 250);
    assert_eq!(smtp.say("DATA").await, 354);
    assert_eq!(
        smtp.say("Subject: 하늘\r\nFrom: 하늘@a.example\r\n\r\n그대로\r\n.")
            .await,
        250
    );
    let mail = &kakao.emulator.mails()[0];
    assert_eq!(
        (mail.sender.as_str(), &mail.to[..]),
        ("하늘@a.example", &["바다@b.example".to_owned()][..])
    );
    assert_eq!(
        (mail.subject.as_str(), mail.text.as_str()),
        ("하늘", "그대로\n")
    );
}

#[actix_web::test]
async fn dots_are_unstuffed_and_only_a_dot_alone_ends_a_message() {
    let kakao = Kakao::start();
    let mut smtp = Smtp::at_data(&kakao.emulator).await;
    let message = "Subject: dots\r\n\r\n..\r\n...\r\n.a\r\n. \r\na.\r\n";
    // Cut where it hurts: a reader must not depend on how the bytes arrive.
    for byte in message.as_bytes() {
        smtp.send([*byte]).await;
    }
    assert_eq!(smtp.say(".").await, 250);
    assert_eq!(kakao.emulator.mails()[0].text, ".\n..\na\n \na.\n");
}

#[actix_web::test]
async fn commands_sent_ahead_are_answered_in_their_turn() {
    let kakao = Kakao::start();
    let mut smtp = Smtp::greeted(&kakao.emulator).await;
    smtp.send(
        "MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n\
         Subject: ahead\r\n\r\nx\r\n.\r\nQUIT\r\n",
    )
    .await;
    for code in [250, 250, 354, 250, 221] {
        assert_eq!(smtp.code().await, code);
    }
    assert_eq!(kakao.emulator.mails()[0].subject, "ahead");
}

#[actix_web::test]
async fn a_second_mail_cannot_hide_in_the_first() {
    let kakao = Kakao::start();
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r"] {
        let mut smtp = Smtp::at_data(&kakao.emulator).await;
        smtp.send(format!(
            "Subject: first\r\n\r\nx{end}MAIL FROM:<evil@a.example>\r\n\
             RCPT TO:<b@b.example>\r\nDATA\r\nSubject: second\r\n\r\nx\r\n.\r\n"
        ))
        .await;
        assert_eq!(smtp.code().await, 554, "{end:?}");
        assert_eq!(
            smtp.say("NOOP").await,
            250,
            "{end:?}: nothing was taken for a command"
        );
    }
    assert!(kakao.emulator.mails().is_empty());
    assert_eq!(kakao.emulator.mail_attempts(), 5);
}

#[actix_web::test]
async fn too_much_is_refused_and_the_next_mail_is_fine() {
    let kakao = Kakao::start();
    let mut smtp = Smtp::at_data(&kakao.emulator).await;
    let line = format!("{}\r\n", "a".repeat(998));
    let large = line.repeat(1024 * 1024 / line.len() + 1);
    smtp.send(large).await;
    assert_eq!(smtp.say(".").await, 552);
    let envelope = ["MAIL FROM:<a@a.example>", "RCPT TO:<b@b.example>"];
    for line in envelope {
        assert_eq!(smtp.say(line).await, 250);
    }
    assert_eq!(smtp.say("DATA").await, 354);
    smtp.send(format!("\r\na{line}")).await;
    assert_eq!(smtp.say(".").await, 554, "a line of 999 bytes");
    let long = format!("NOOP {}", "a".repeat(5_000));
    assert_eq!(smtp.say(&long).await, 500);
    smtp.send("NOOP\n").await;
    assert_eq!(smtp.code().await, 500, "a bare LF");
    assert_eq!(smtp.say(envelope[0]).await, 250);
    for n in 0..100 {
        assert_eq!(smtp.say(&format!("RCPT TO:<b{n}@b.example>")).await, 250);
    }
    assert_eq!(smtp.say("RCPT TO:<b@b.example>").await, 452);
    assert_eq!(smtp.say("DATA").await, 354);
    assert_eq!(smtp.say(&format!("\r\n{line}.")).await, 250);
    let mails = kakao.emulator.mails();
    assert_eq!(
        (
            mails.len(),
            mails[0].to.len(),
            mails[0].text.trim_end().len()
        ),
        (1, 100, 998)
    );
}

#[actix_web::test]
async fn what_does_not_end_is_ended() {
    let kakao = Kakao::start();
    let mut smtp = Smtp::at_data(&kakao.emulator).await;
    let part = vec![b'a'; 1024 * 1024];
    // Far more than is read; the connection ends before that.
    let mut sent = 0;
    while sent < 64 && smtp.stream.write_all(&part).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 64);
    let rest = smtp.rest().await;
    assert!(rest.is_empty() || rest.starts_with("421 "), "{rest}");
    assert!(kakao.emulator.mails().is_empty());
    assert_eq!(Smtp::greeted(&kakao.emulator).await.say("QUIT").await, 221);
}

#[actix_web::test]
async fn who_makes_no_sense_is_let_go() {
    let kakao = Kakao::start();
    let mut smtp = Smtp::greeted(&kakao.emulator).await;
    for _ in 0..20 {
        assert_eq!(smtp.say("NONSENSE").await, 500);
    }
    assert_eq!(smtp.say("NONSENSE").await, 421);
    assert_eq!(smtp.rest().await, "");
}

#[actix_web::test]
async fn a_form_of_a_web_page_is_not_taken_for_mail() {
    let kakao = Kakao::start();
    let mut smtp = Smtp::connect(&kakao.emulator).await;
    assert_eq!(smtp.code().await, 220);
    smtp.send(
        "POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\nMAIL FROM:<a@a.example>\r\n\
         RCPT TO:<b@b.example>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n",
    )
    .await;
    assert_eq!(smtp.code().await, 421);
    smtp.rest().await;
    assert_eq!(
        (kakao.emulator.mails().len(), kakao.emulator.mail_attempts()),
        (0, 0)
    );
}

#[actix_web::test]
async fn the_fifty_first_connection_is_turned_away_until_another_ends() {
    let kakao = Kakao::start();
    let mut open = Vec::new();
    for _ in 0..50 {
        open.push(Smtp::greeted(&kakao.emulator).await);
    }
    let away = Smtp::connect(&kakao.emulator).await.rest().await;
    assert!(away.starts_with("421 "), "{away}");
    let mut leaving = open.pop().unwrap();
    assert_eq!(leaving.say("QUIT").await, 221);
    leaving.rest().await;
    // The end of a connection and of its task are two things.
    let mut again = 421;
    for _ in 0..100 {
        again = Smtp::connect(&kakao.emulator).await.code().await;
        if again == 220 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(again, 220);
}

#[actix_web::test]
async fn a_mail_that_is_broken_off_is_not_kept() {
    let kakao = Kakao::start();
    let mut smtp = Smtp::at_data(&kakao.emulator).await;
    smtp.send("Subject: half\r\n\r\nx").await;
    drop(smtp);
    let mut next = Smtp::at_data(&kakao.emulator).await;
    assert_eq!(next.say("Subject: whole\r\n\r\nx\r\n.").await, 250);
    let mails = kakao.emulator.mails();
    let subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["whole"]);
}
