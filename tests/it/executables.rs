//! The executables beside `kakao-gate`: the demo and the emulator, and what is not in the
//! service.

use std::time::{Duration, Instant};

use crate::stage::page::Page;
use crate::stage::program::Process;
use crate::stage::{Backends, Program, Service, Visitor};

/// The first address that follows `label` in what the program printed.
fn printed(process: &Process, label: &str) -> String {
    let out = process.out();
    let (_, rest) = out
        .split_once(label)
        .unwrap_or_else(|| panic!("{label} in {out}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

/// The demo, started in the program's folder: its process, the service and the emulator.
async fn start_demo(program: &Program) -> (Process, String, String) {
    let mut process = program.start(&[]);
    process.says("Ctrl-C stops both").await;
    let service = printed(&process, "the service");
    let emulator = printed(&process, "the emulator");
    (process, service, emulator)
}

/// Signs `person` in the way a person does: the button, the account at the emulator, the form
/// there, and back.
async fn press_the_button(visitor: &Visitor, emulator: &str, person: &str) {
    let login = visitor.get("/login").await;
    let [button] = &login.attributes("a.kakao", "href")[..] else {
        panic!("one Kakao button in {}", login.body);
    };
    let away = visitor.get(button).await;
    let at_kakao = Visitor::new(emulator);
    let mut page = at_kakao.get(away.location()).await;
    page = submit(&at_kakao, &page, "/emulator/account", &[("person", person)]).await;
    if page.status == 200 {
        let items = page.attributes("input[name=item]", "value");
        let mut fields: Vec<_> = items.iter().map(|item| ("item", item.as_str())).collect();
        fields.push(("answer", "agree"));
        page = submit(&at_kakao, &page, "/emulator/consent", &fields).await;
    }
    assert_eq!(page.status, 302, "{}", page.body);
    let back = visitor.get(page.location()).await;
    assert_eq!(
        (back.status, back.location()),
        (303, "/me"),
        "{}",
        back.body
    );
}

/// Sends the form of `page` that posts to `action`.
async fn submit(visitor: &Visitor, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
    let hidden = format!("form[action='{action}'] input[type=hidden]");
    let names = page.attributes(&hidden, "name");
    let values = page.attributes(&hidden, "value");
    let mut form: Vec<_> = names
        .iter()
        .map(String::as_str)
        .zip(values.iter().map(String::as_str))
        .collect();
    assert!(!form.is_empty(), "no form to {action} in {}", page.body);
    form.extend(fields);
    visitor.post(action, &form).await
}

#[test]
fn the_demo_needs_nothing_and_keeps_its_members_for_the_next_start() {
    actix_web::rt::System::new().block_on(async {
        let program = Program::demo();
        let (mut first, service, emulator) = start_demo(&program).await;
        let visitor = Visitor::new(&service);
        press_the_button(&visitor, &emulator, "ordinary").await;
        let me = visitor.get("/me").await;
        assert!(
            me.texts("bdi").contains(&"김하늘".to_owned()),
            "{}",
            me.body
        );

        let asked = Instant::now();
        first.signal("INT");
        assert_eq!(first.end(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(5));
        assert!(first.out().contains("Stopped."), "{}", first.out());
        assert_eq!(
            first.err(),
            "",
            "a demo that works has nothing to complain about"
        );
        assert!(program.folder.path().join("var").is_dir());

        let (mut second, service, emulator) = start_demo(&program).await;
        let again = visitor.at(&service);
        assert_eq!(again.get("/me").await.status, 200, "still signed in");
        let elsewhere = Visitor::new(&service);
        press_the_button(&elsewhere, &emulator, "ordinary").await;
        let devices = elsewhere.get("/me/sessions").await;
        let ends = devices.attributes("form[action$='/end']", "action");
        assert!(
            !ends.is_empty(),
            "the other browser, of the same member: {}",
            devices.body
        );

        second.signal("TERM");
        assert_eq!(second.end(), Some(0));
    });
}

#[test]
fn two_demos_run_side_by_side_on_ports_of_their_own() {
    actix_web::rt::System::new().block_on(async {
        let (one, two) = (Program::demo(), Program::demo());
        let (_first, service, emulator) = start_demo(&one).await;
        let (_second, other_service, other_emulator) = start_demo(&two).await;
        let mut addresses = vec![
            service,
            emulator,
            other_service.clone(),
            other_emulator.clone(),
        ];
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), 4);
        press_the_button(&Visitor::new(&other_service), &other_emulator, "linked").await;
    });
}

#[cfg(unix)]
#[test]
fn the_demos_key_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    actix_web::rt::System::new().block_on(async {
        let program = Program::demo();
        let (_process, ..) = start_demo(&program).await;
        let key = program.folder.path().join("var/demo.key");
        let mode = std::fs::metadata(key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}

#[test]
fn the_emulator_runs_by_itself_and_says_what_to_tell_a_program() {
    actix_web::rt::System::new().block_on(async {
        let mut process =
            Program::emulator().start(&["--port", "0", "--redirect-uri", "http://127.0.0.1:5/cb"]);
        process.says("KAKAO_APP_ID=").await;
        let url = printed(&process, "(not Kakao) at");
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        assert!(process.out().contains(&format!("KAKAO_API_URL={url}\n")));
        assert!(process.out().contains("http://127.0.0.1:5/cb"));
        let page = Visitor::new(&url).get("/").await;
        assert_eq!(page.status, 200);
        process.signal("INT");
        assert_eq!(process.end(), Some(0));
    });
}

#[test]
fn the_emulator_refuses_to_listen_to_the_world() {
    let outcome = Program::emulator().run(&["--bind", "0.0.0.0", "--port", "0"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.err.contains("loopback"), "{}", outcome.err);
}

/// Words of the emulator's that no part of the service uses.
const EMULATOR_WORDS: [&str; 4] = [
    kakao_gate::emulator::REST_API_KEY,
    kakao_gate::emulator::CLIENT_SECRET,
    "/emulator/account",
    "x-emulator-fault",
];

fn text_of(program: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(program).unwrap()).into_owned()
}

#[test]
fn the_service_contains_no_emulator() {
    let emulator = text_of(env!("CARGO_BIN_EXE_kakao-emulator"));
    let service = text_of(env!("CARGO_BIN_EXE_kakao-gate"));
    for word in EMULATOR_WORDS {
        assert!(emulator.contains(word), "{word} tells them apart");
        assert!(!service.contains(word), "{word}");
    }
}

#[test]
fn the_service_has_no_page_of_the_emulators() {
    actix_web::rt::System::new().block_on(async {
        let service = Service::start(Backends::built_in(), &[]).await;
        for path in [
            "/oauth/authorize",
            "/oauth/token",
            "/v2/user/me",
            "/emulator/account",
        ] {
            assert_eq!(service.visitor().get(path).await.status, 404, "{path}");
        }
    });
}
