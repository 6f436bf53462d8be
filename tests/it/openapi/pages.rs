//! The document as pages.

use kakao_gate::member::Role;

use crate::admin_keys::make;
use crate::audit::staff;
use crate::stage::Stage;
use crate::stage::backends::left_out;
use crate::stage::contract::contract;

#[test]
fn somebody_reads_of_every_operation_what_the_document_says() {
    Stage::default().once(async |app| {
        for lang in ["ko", "en"] {
            let visitor = app.visitor();
            visitor.always("accept-language", lang);
            let overview = visitor.get("/docs/api").await;
            assert_eq!(overview.status, 200);
            let links = overview.attributes("main li a", "href");
            assert_eq!(links.len(), contract().operations().len());
            for operation in contract().operations() {
                let (id, path) = (operation.id(), operation.path);
                let address = format!("/docs/api/{id}");
                assert!(links.contains(&address), "{address}");
                let page = visitor.get(&address).await;
                assert_eq!(page.status, 200, "{address}");
                assert_eq!(page.h1(), operation.value["summary"], "{address}");
                assert_eq!(page.texts("pre")[0], format!("{} {path}", operation.method));
                let told = page.text("main");
                for status in operation.value["responses"].as_object().unwrap().keys() {
                    assert!(page.texts("h3").contains(status), "{address} {status}");
                }
                for code in operation.codes() {
                    assert!(told.contains(code), "{address} {code}");
                }
                let example = page.texts("pre").pop().unwrap();
                let (fixed, _) = path.split_once('{').unwrap_or((path, ""));
                assert!(
                    example.contains(&format!("{}{fixed}", app.url)),
                    "{example}"
                );
                assert!(!example.contains("/{"), "{example}");
                assert!(!told.contains('`'), "{told}");
            }
        }
    });
}

#[test]
fn a_command_on_a_page_works_as_it_stands() {
    if shell("curl --version")
        .output()
        .is_ok_and(|ran| !ran.status.success())
    {
        return left_out("curl (not in PATH)");
    }
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let (access, _) = crate::api::taken(app, "ordinary").await;
        let owner = staff(app, "linked", Role::Owner).await;
        let scopes = ["introspect", "members:read", "members:manage"];
        let key = make(&owner, "server", &scopes).await;
        // The member of the examples is nobody's, and they leave with a made-up proof.
        for (id, status) in [
            ("keys", 200),
            ("me", 200),
            ("changeMe", 200),
            ("leave", 403),
            ("members", 200),
            ("memberByEmail", 200),
            ("member", 404),
            ("suspendMember", 404),
            ("restoreMember", 404),
            ("logOutMember", 404),
            ("introspect", 200),
            ("logout", 204),
        ] {
            let page = visitor.get(&format!("/docs/api/{id}")).await;
            // Its line breaks are a shell's, so the text as it is.
            let html = scraper::Html::parse_document(&page.body);
            let selector = scraper::Selector::parse("pre").unwrap();
            let example = html.select(&selector).next_back().unwrap();
            let commands: String = example.text().collect();
            // Of several ways to show who asks, the last.
            let script = commands.split("\n\n").last().unwrap();
            let script = script.replacen("curl", "curl -s -o /dev/null -w '%{http_code}'", 1);
            let mut command = shell(&script);
            command.env("ACCESS_TOKEN", &access).env("NO_PROXY", "*");
            command.env("API_KEY", &key);
            let output = tokio::task::spawn_blocking(move || command.output()).await;
            let output = output.unwrap().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(said, status.to_string(), "{script}: {:?}", output.stderr);
        }
    });
}

fn shell(script: &str) -> std::process::Command {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn an_operation_that_is_not_there_has_no_page_and_is_not_repeated() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        for id in ["nothing", "%3Cscript%3Ezq7", "..%2f..", "handoff", "%00"] {
            let page = visitor.get(&format!("/docs/api/{id}")).await;
            assert_eq!(page.status, 404, "{id}");
            let main = page.text("main");
            assert!(!main.contains("zq7") && !main.contains("handoff"), "{main}");
        }
    });
}
