//! The operator's own terms: read at start, shown, and agreed to by version.

use std::fs;
use std::path::Path;

use kakao_gate::config::Environment;
use kakao_gate::terms::Agreements;
use tempfile::TempDir;

use crate::stage::email::link_in;
use crate::stage::{Stage, everywhere};

/// A folder with terms as an operator might publish them.
pub fn published() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        (
            "terms.ko.md",
            "version: 2026-03-01\n\n# 하늘 이용약관\n\n## 제1조\n\n- 하나\n- **둘**\n",
        ),
        (
            "terms.en.md",
            "version: 2026-03-01\n\n# Sky terms\n\n## One\n\nSay <script>alert(1)</script> \
             [a](javascript:alert(1)) [help](/help)\n",
        ),
        (
            "privacy.ko.md",
            "version: 7\n\n| 항목 | 기간 |\n|---|---|\n| 이름 | 1년 |\n",
        ),
        ("privacy.en.md", "version: 7\n\nWe keep names.\n"),
        (
            "location.ko.md",
            "version: 1\nconsent: optional\n\n# 위치정보 이용\n\n위치.\n",
        ),
        (
            "location.en.md",
            "version: 1\nconsent: optional\n\n# Use of location\n\nLocation.\n",
        ),
    ] {
        write(folder.path(), name, text);
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn with(folder: &TempDir) -> Stage {
    Stage::default()
        .set("TERMS_DIR", folder.path().to_str().unwrap())
        .set("SMTP_URL", "smtp://127.0.0.1:9")
        .set("MAIL_FROM", "Kakao Gate <no-reply@example.com>")
}

// WB-3
#[test]
fn the_texts_are_shown_in_both_languages_and_stay_text() {
    let folder = published();
    with(&folder).once(async |app| {
        let visitor = app.visitor();
        let terms = visitor.get("/terms").await;
        assert_eq!(terms.h1(), "하늘 이용약관");
        assert_eq!(terms.texts("main h2"), ["제1조"]);
        assert_eq!(terms.texts("main li"), ["하나", "둘"]);
        assert!(terms.text("main .hint").contains("2026-03-01"));
        let privacy = visitor.get("/privacy").await;
        assert_eq!(
            privacy.h1(),
            "개인정보 처리방침",
            "it has no title of its own"
        );
        assert_eq!(privacy.texts("main td"), ["이름", "1년"]);

        visitor.always("accept-language", "en");
        let terms = visitor.get("/terms").await;
        assert_eq!(terms.h1(), "Sky terms");
        assert!(terms.texts("main script").is_empty());
        assert!(terms.text("main").contains("<script>alert(1)</script>"));
        assert_eq!(terms.attributes("main a", "href"), ["/help"]);
    });
}

// WB-3
#[test]
fn the_forms_ask_for_what_is_in_the_folder() {
    let folder = published();
    with(&folder).once(async |app| {
        let page = app.visitor().get("/join").await;
        assert_eq!(
            page.attributes("input[type=checkbox][name]", "name"),
            [
                "agree-age",
                "agree-terms",
                "agree-privacy",
                "agree-location"
            ]
        );
        assert_eq!(
            page.attributes("input[type=checkbox][name]", "value"),
            ["built-in", "2026-03-01", "7", "1"]
        );
        assert_eq!(
            page.attributes("input[type=checkbox][required]", "name")
                .len(),
            3
        );
        let labels = page.texts("fieldset label");
        assert!(
            labels
                .iter()
                .any(|text| text.contains("[선택] 위치정보 이용")),
            "{labels:?}"
        );
        let texts = page.texts("fieldset details .text");
        assert_eq!(texts.len(), 3);
        assert!(texts[0].contains("제1조") && texts[2].contains("위치."));
    });
}

#[test]
fn what_is_agreed_to_is_the_version_that_was_shown() {
    let folder = published();
    with(&folder).everywhere(async |app| {
        let fields = |terms: &'static str| {
            vec![
                ("name", "김하늘"),
                ("email", "hana@example.com"),
                ("password", "느린 거북이가 바다를 건넌다"),
                ("agree-age", "built-in"),
                ("agree-terms", terms),
                ("agree-privacy", "7"),
                ("agree-location", "1"),
                ("agree-nothing-we-know", "1"),
            ]
        };
        // The form was open while the terms changed.
        let visitor = app.visitor();
        let stale = visitor.press("/join", "/join", &fields("2025-01-01")).await;
        assert_eq!(stale.status, 422);
        assert_eq!(stale.attributes("#errsum a", "href"), ["#agree-terms"]);
        assert_eq!(
            stale.attributes("input[checked]", "name"),
            ["agree-age", "agree-privacy", "agree-location"]
        );
        let sent = visitor.press("/join", "/join", &fields("2026-03-01")).await;
        assert_eq!(sent.status, 303);
        // A new version between the form and the link changes nothing about what was agreed to.
        for lang in ["ko", "en"] {
            let text = "version: 2026-04-01\n\n# New\n\nNew.\n";
            write(folder.path(), &format!("terms.{lang}.md"), text);
        }
        app.restart(&[]).await;
        let link = link_in(&app.last_letter().await);
        let token = link.split_once("token=").unwrap().1;
        let done = visitor
            .press(&link, "/join/verify", &[("token", token)])
            .await;
        assert_eq!(done.location(), "/join/done");
        let agreed = "SELECT item || ' ' || version AS value FROM consents ORDER BY item";
        assert_eq!(
            app.values(agreed).await,
            [
                "age built-in",
                "location 1",
                "privacy 7",
                "terms 2026-03-01"
            ]
        );
        for lang in ["ko", "en"] {
            let text = "version: 2026-03-01\n\n# Old\n\nOld.\n";
            write(folder.path(), &format!("terms.{lang}.md"), text);
        }
    });
}

#[test]
fn without_a_folder_the_built_in_texts_are_shown() {
    everywhere(async |app| {
        let visitor = app.visitor();
        assert_eq!(visitor.get("/terms").await.h1(), "이용약관");
        assert!(visitor.get("/privacy").await.texts("main h2").len() >= 3);
        // Nobody is said to have agreed to what is not there.
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(app.count("members").await, 1);
        assert_eq!(app.count("consents").await, 0);
    });
}

// CF-1
#[test]
fn what_is_wrong_with_the_folder_is_a_problem_at_start() {
    let folder = published();
    fs::remove_file(folder.path().join("privacy.en.md")).unwrap();
    write(folder.path(), "location.ko.md", "# 위치정보\n\n위치.\n");
    let path = folder.path().to_str().unwrap();
    let environment = Environment::from_iter([("TERMS_DIR", path)]);
    let problems = environment.read().map(|_| ()).unwrap_err().to_string();
    for says in [
        "TERMS_DIR lacks privacy.en.md",
        "TERMS_DIR holds location.ko.md, which does not begin with a line such as version:",
    ] {
        assert!(problems.contains(says), "{says} in {problems}");
    }
    assert!(!problems.contains("위치"), "what is in them is not told");
}

#[test]
fn the_samples_are_in_order() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/terms");
    let agreements = Agreements::read(Path::new(folder)).unwrap();
    let asked: Vec<_> = agreements
        .items()
        .iter()
        .map(|item| (item.id.as_str(), item.required))
        .collect();
    assert_eq!(
        asked,
        [
            ("age", true),
            ("terms", true),
            ("privacy", true),
            ("marketing", false)
        ]
    );
}
