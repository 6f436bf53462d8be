//! The documents say what the program does: settings, defaults, addresses, metrics, error ids,
//! modules; and their links lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kakao_gate::config::{Environment, describe};
use kakao_gate::telemetry::Metrics;
use kakao_gate::web::{self, ErrorId};

/// The least that makes a configuration.
const REQUIRED: &[(&str, &str)] = &[
    (
        "SECRET_KEY",
        "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVotXytAIyQlXiY=",
    ),
    ("KAKAO_REST_API_KEY", "0123456789abcdef0123456789abcdef"),
    ("KAKAO_APP_ID", "7"),
];

/// A row of a settings table.
struct Row {
    name: String,
    /// `None` when the document gives no value.
    default: Option<String>,
}

#[test]
fn the_settings_tables_name_every_setting_and_no_other() {
    let known = known();
    for (file, heading) in [("README.md", "Settings"), ("docs/README.ko.md", "설정")] {
        let rows = settings_table(file, heading);
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, known, "{file}");
    }
    // The example groups its settings in another order.
    let mut names: Vec<String> = example().into_iter().map(|row| row.name).collect();
    let mut known = known;
    names.sort();
    known.sort();
    assert_eq!(names, known, ".env.example");
}

#[test]
fn the_defaults_in_the_documents_are_those_in_force() {
    let documents = [
        (".env.example", example()),
        ("README.md", settings_table("README.md", "Settings")),
        (
            "docs/README.ko.md",
            settings_table("docs/README.ko.md", "설정"),
        ),
    ];
    for (file, rows) in documents {
        let mut compared = 0;
        for row in rows {
            let Some(default) = row.default else { continue };
            // The settings of Redis are described only where Redis is used.
            let redis = [
                ("SESSION_STORE", "redis"),
                ("REDIS_URL", "redis://127.0.0.1"),
            ];
            let surroundings = if row.name == "REDIS_PREFIX" {
                &redis[..]
            } else {
                &[]
            };
            let without = in_force(&row.name, surroundings, None);
            let with = in_force(&row.name, surroundings, Some(&default));
            assert_eq!(with, without, "{file}: {}", row.name);
            compared += 1;
        }
        assert!(compared >= 15, "{file}: only {compared} defaults found");
    }
}

#[test]
fn what_must_be_set_has_no_default_in_the_documents() {
    for (name, _) in REQUIRED {
        let rest = REQUIRED.iter().filter(|(other, _)| other != name);
        let read = Environment::from_iter(rest.copied()).read();
        let problems = read.map(|_| ()).unwrap_err();
        assert_eq!(problems.0.len(), 1, "{problems}");
        assert_eq!(problems.0[0].name, *name);
        for rows in [
            example(),
            settings_table("README.md", "Settings"),
            settings_table("docs/README.ko.md", "설정"),
        ] {
            let row = rows.iter().find(|row| row.name == *name).unwrap();
            assert_eq!(row.default, None, "{name}");
        }
    }
}

#[test]
fn the_example_of_settings_can_be_used_as_it_is() {
    let lines = dotenvy::from_read_iter(read(".env.example").as_bytes().to_vec().as_slice())
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    assert_eq!(lines, [], "every setting is commented out");
    let uncommented: String = example()
        .into_iter()
        .filter_map(|row| Some(format!("{}={}\n", row.name, row.default?)))
        .collect();
    let pairs = dotenvy::from_read_iter(uncommented.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let required = REQUIRED
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment: Environment = pairs.into_iter().chain(required).collect();
    assert!(environment.read().is_ok());
}

#[test]
fn both_readmes_name_every_address() {
    for file in ["README.md", "docs/README.ko.md"] {
        let text = read(file);
        for address in web::table().iter().chain(&web::bare_table()) {
            let named = text.contains(&format!("`{}`", address.path));
            assert!(named, "{file} lacks {}", address.path);
        }
    }
}

#[test]
fn the_operating_guide_names_every_metric() {
    let metrics = Metrics::default();
    // A family is printed once it has counted something.
    metrics.request("GET", "/", 200, Duration::ZERO);
    metrics.login("success");
    metrics.password_login("success");
    metrics.password_hash("done");
    metrics.kakao_refresh("done");
    metrics.webhook_call("unlink", "kept");
    metrics.webhook_event("unknown", "noted");
    metrics.owed_call("logout", "done");
    metrics.owed_waiting("logout", 0);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &metrics.registry()).unwrap();
    let guide = read("docs/operating.md");
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        assert!(guide.contains(&format!("`{name}")), "{name}");
    }
}

#[test]
fn the_operating_guide_knows_only_error_ids_that_there_are() {
    let guide = read("docs/operating.md");
    let ids = first_cells(section(&guide, "Error ids"));
    assert!(ids.len() >= 10, "{ids:?}");
    for id in ids {
        assert!(ErrorId::parse(&id).is_some(), "{id}");
    }
}

#[test]
fn the_picture_of_the_architecture_has_every_module() {
    let page = read("docs/architecture.md");
    let lib = read("src/lib.rs");
    let modules: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(modules.len() >= 10);
    let picture = page.split("```").nth(1).unwrap();
    let words: BTreeSet<&str> = picture
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    for module in modules {
        assert!(words.contains(module), "{module}");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut links = 0;
    for file in documents() {
        let text = fs::read_to_string(&file).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| {
            let (target, _) = rest.split_once(')')?;
            Some(target)
        }) {
            if target.contains("://") || target.starts_with('#') || target.starts_with("mailto:") {
                continue;
            }
            let path = target.split('#').next().unwrap();
            let there = file.parent().unwrap().join(path);
            assert!(there.exists(), "{}: {target}", file.display());
            links += 1;
        }
    }
    assert!(links >= 10, "only {links} links were found");
}

#[test]
fn files_named_by_the_documents_exist() {
    let mut named = 0;
    for file in documents() {
        let text = fs::read_to_string(&file).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let ours = ["src/", "tests/", "templates/", "migrations/", "static/"]
                .iter()
                .any(|folder| word.starts_with(folder));
            let plain = !word.contains(['*', '{', '<', ' ', '…']);
            if ours && plain {
                let there = root().join(word);
                assert!(there.exists(), "{}: {word}", file.display());
                named += 1;
            }
        }
    }
    assert!(named >= 15, "only {named} files were found");
}

/// Every setting, in the order in which the program describes them.
fn known() -> Vec<String> {
    let environment = Environment::from_iter(REQUIRED.iter().copied());
    let (config, _) = environment.read().unwrap();
    let shown = describe(&environment, &config);
    shown
        .into_iter()
        .map(|shown| shown.name.to_owned())
        .collect()
}

/// What the program says about setting `name` when it has this value, or none.
fn in_force(name: &str, surroundings: &[(&str, &str)], value: Option<&str>) -> String {
    let set = value.map(|value| (name, value));
    let required = REQUIRED.iter().copied();
    let pairs = required.chain(surroundings.iter().copied()).chain(set);
    let environment = Environment::from_iter(pairs);
    let (config, _) = environment.read().unwrap_or_else(|error| panic!("{error}"));
    let shown = describe(&environment, &config);
    let shown = shown.into_iter().find(|shown| shown.name == name).unwrap();
    shown.value
}

/// The rows under a heading: name in the first column, default in the second.
fn settings_table(file: &str, heading: &str) -> Vec<Row> {
    let text = read(file);
    let rows = section(&text, heading)
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let code = |cell: &str| cell.split('`').nth(1).map(str::to_owned);
            Row {
                name: code(cells[1]).unwrap(),
                default: code(cells[2]),
            }
        });
    rows.collect()
}

/// The lines `#NAME=value` of the example; those of prose have a space after the sign.
fn example() -> Vec<Row> {
    let text = read(".env.example");
    let lines = text.lines().filter_map(|line| line.strip_prefix('#'));
    lines
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| Row {
            name: name.to_owned(),
            default: Some(value.to_owned()).filter(|value| !value.is_empty()),
        })
        .collect()
}

fn first_cells(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split('`').nth(1))
        .map(str::to_owned)
        .collect()
}

/// What stands under a second-level heading.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = format!("\n## {heading}\n");
    let (_, rest) = text
        .split_once(&start)
        .unwrap_or_else(|| panic!("no heading {heading}"));
    rest.split("\n## ").next().unwrap()
}

fn documents() -> Vec<PathBuf> {
    let mut files = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    for folder in [
        "docs",
        "docs/decisions",
        "docs/integrate",
        "docs/integrate/node",
        "docs/integrate/python",
        "docs/integrate/site",
        "deploy",
    ] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    files
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
