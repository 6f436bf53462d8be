//! `/language` and `/theme`: small choices that are remembered.

use crate::stage::{Stage, Visitor, everywhere};

async fn choose(visitor: &Visitor, path: &str, name: &str, value: &str, back: &str) -> String {
    let done = visitor
        .press("/", path, &[(name, value), ("back", back)])
        .await;
    assert_eq!(done.status, 303, "{path} {value}");
    done.location().to_owned()
}

async fn lang(visitor: &Visitor, path: &str) -> String {
    visitor.get(path).await.attributes("html", "lang").remove(0)
}

// WB-5
#[test]
fn a_visitor_switches_the_language_and_stays_on_the_page() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        assert_eq!(lang(&visitor, "/login").await, "ko");
        let back = choose(&visitor, "/language", "lang", "en", "/login?next=/me").await;
        assert_eq!(back, "/login?next=/me");
        let login = visitor.get(&back).await;
        assert_eq!(login.text("a.kakao"), "Login with Kakao");
        assert_eq!(lang(&visitor, "/nothing").await, "en", "errors too");
        assert_eq!(login.attributes("button[name=lang]", "value"), ["ko"]);
        assert_eq!(login.attributes("button[name=lang]", "lang"), ["ko"]);
        choose(&visitor, "/language", "lang", "ko", "/").await;
        assert_eq!(lang(&visitor, "/").await, "ko");
        for elsewhere in [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "",
            "x",
        ] {
            assert_eq!(
                choose(&visitor, "/language", "lang", "en", elsewhere).await,
                "/"
            );
        }
    });
}

// WB-5
#[test]
fn a_members_language_follows_them_to_another_device() {
    everywhere(async |app| {
        let (first, second) = (app.visitor(), app.visitor());
        first.log_in_as(app, "ordinary").await;
        choose(&first, "/language", "lang", "en", "/me").await;
        second.log_in_as(app, "ordinary").await;
        assert_eq!(
            lang(&second, "/me").await,
            "en",
            "the member's choice over the browser's"
        );
        // A choice made on this device comes first here.
        second.set_cookie("kg-lang", "ko");
        assert_eq!(lang(&second, "/me").await, "ko");
        let stranger = app.visitor();
        stranger.log_in_as(app, "linked").await;
        assert_eq!(lang(&stranger, "/me").await, "ko");
    });
}

// WB-5
#[test]
fn the_theme_goes_round_and_junk_changes_nothing() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let theme = async |visitor: &Visitor| {
            let page = visitor.get("/").await;
            let chosen = page.attributes("html[data-theme]", "data-theme");
            (
                chosen.first().cloned(),
                page.attributes("button[name=theme]", "value").remove(0),
            )
        };
        assert_eq!(theme(&visitor).await, (None, "dark".to_owned()));
        choose(&visitor, "/theme", "theme", "dark", "/").await;
        assert_eq!(
            theme(&visitor).await,
            (Some("dark".to_owned()), "light".to_owned())
        );
        choose(&visitor, "/theme", "theme", "light", "/").await;
        assert_eq!(
            theme(&visitor).await,
            (Some("light".to_owned()), "auto".to_owned())
        );
        choose(&visitor, "/theme", "theme", "auto", "/").await;
        assert_eq!(visitor.cookie("kg-theme"), None);
        for (name, junk) in [
            ("kg-theme", "\"><script>"),
            ("kg-lang", "xx"),
            ("kg-notice", "zz"),
        ] {
            visitor.set_cookie(name, junk);
        }
        assert_eq!(theme(&visitor).await, (None, "dark".to_owned()));
        assert_eq!(lang(&visitor, "/").await, "ko");
    });
}
