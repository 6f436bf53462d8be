//! The house rules of `docs/architecture.md`, held by reading the sources: who knows whom, which
//! library is used where, what nothing is called, and that no template is left over.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// They may know one another, and nobody else.
const LEAVES: &[&str] = &["clock", "i18n", "random", "vault"];

/// Pairs that the order of the map would allow: the first must not know the second.
const NEVER: &[(&str, &str)] = &[
    ("member", "config"),
    ("member", "telemetry"),
    ("store", "kakao"),
    ("kakao", "store"),
    ("jobs", "kakao"),
    ("web", "kakao"),
    ("web", "jobs"),
];

/// Knows nobody, and nobody knows it but the programs named after it.
const ISLAND: &str = "emulator";
const VISITORS_OF_THE_ISLAND: &[&str] = &["bin/demo", "bin/kakao-emulator"];

/// Libraries that belong to some modules only.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("diesel", &["store"]),
    ("diesel_migrations", &["store"]),
    ("r2d2", &["store"]),
    ("csv", &["web"]),
    ("reqwest", &["kakao", "emulator"]),
    ("redis", &["session"]),
    ("jsonwebtoken", &["access", "kakao"]),
    ("lettre", &["mail"]),
    ("argon2", &["password"]),
    ("zxcvbn", &["password"]),
    ("pulldown_cmark", &["terms"]),
    ("actix_session", &["session", "web"]),
    ("askama", &["web", "emulator"]),
    ("utoipa", &["web"]),
    (
        "actix_web",
        &[
            "session",
            "web",
            "app",
            "emulator",
            "main",
            "bin/demo",
            "bin/kakao-emulator",
        ],
    ),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "core", "manager", "misc", "shared",
];

/// One place in the sources where a module names another one of the crate.
#[derive(Debug)]
struct Mention {
    file: PathBuf,
    from: String,
    to: String,
}

#[test]
fn a_module_knows_only_those_above_it_on_the_map() {
    let map = map();
    let place = |module: &str| map.iter().position(|known| known == module);
    let wrong: Vec<Mention> = mentions()
        .into_iter()
        .filter(|Mention { from, to, .. }| {
            if to == ISLAND {
                return !VISITORS_OF_THE_ISLAND.contains(&from.as_str());
            }
            let leaves = [from, to].map(|module| LEAVES.contains(&module.as_str()));
            let allowed = match (place(from), place(to)) {
                _ if from == ISLAND => false,
                _ if leaves == [true, true] => true,
                (Some(from), Some(to)) => to < from,
                // The programs stand outside and use what the map has.
                (None, Some(_)) => true,
                (_, None) => false,
            };
            !allowed || NEVER.contains(&(from.as_str(), to.as_str()))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_map_is_read_whole_and_the_sources_with_it() {
    let map = map();
    for module in LEAVES.iter().chain(&["config", "store", "web", "emulator"]) {
        assert!(map.iter().any(|known| known == module), "{module}");
    }
    let mentions = mentions();
    for (from, to) in [
        ("web", "flow"),
        ("flow", "kakao"),
        ("app", "web"),
        ("session", "vault"),
        ("bin/demo", "emulator"),
    ] {
        let found = mentions
            .iter()
            .any(|mention| (mention.from.as_str(), mention.to.as_str()) == (from, to));
        assert!(found, "{from} knows {to}, and the reader did not see it");
    }
}

#[test]
fn each_library_stays_where_it_belongs() {
    for (library, modules) in LIBRARIES {
        let mut users = BTreeSet::new();
        for file in sources() {
            let tokens = tokens(&read(&file));
            let used = tokens.windows(2).enumerate().any(|(at, pair)| {
                let begins = at == 0 || tokens[at - 1] != "::";
                let named = pair[1] == "::" || (at > 0 && tokens[at - 1] == "use");
                pair[0] == *library && begins && named
            });
            if used {
                users.insert(module_of(&file));
            }
        }
        let allowed: BTreeSet<String> = modules.iter().map(ToString::to_string).collect();
        assert_eq!(users, allowed, "who uses {library}");
    }
}

#[test]
fn nothing_has_an_empty_name() {
    let mut names: Vec<PathBuf> = Vec::new();
    for folder in ["src", "templates", "static", "tests"] {
        walk(&root().join(folder), &mut names);
    }
    for path in names {
        let inside = path.strip_prefix(root()).unwrap();
        for part in inside.components() {
            let part = part.as_os_str().to_string_lossy();
            let stem = part.split('.').next().unwrap_or_default();
            assert!(!EMPTY_NAMES.contains(&stem), "{}", inside.display());
        }
    }
    for file in sources() {
        let tokens = tokens(&read(&file));
        for pair in tokens.windows(2).filter(|pair| pair[0] == "mod") {
            let name = pair[1].as_str();
            assert!(!EMPTY_NAMES.contains(&name), "{}: {name}", file.display());
        }
    }
}

#[test]
fn every_template_is_used() {
    let mut used = BTreeSet::new();
    for file in sources() {
        let text = read(&file);
        used.extend(quoted_after(&text, "path = "));
        // Style sheets and scripts of the emulator are compiled in as files.
        let included = quoted_after(&text, "include_str!(")
            .into_iter()
            .chain(quoted_after(&text, "include_bytes!("));
        used.extend(included.filter_map(|path| {
            let (_, name) = path.split_once("templates/")?;
            Some(name.to_owned())
        }));
    }
    for (_, text) in templates() {
        for word in ["extends ", "import ", "include "] {
            used.extend(quoted_after(&text, word));
        }
    }
    let there: BTreeSet<String> = templates().into_iter().map(|(name, _)| name).collect();
    let left_over: Vec<_> = there.difference(&used).collect();
    assert!(left_over.is_empty(), "no page uses {left_over:?}");
}

#[test]
fn every_page_stands_in_the_frame_of_its_side() {
    let mut pages = 0;
    for file in sources() {
        let text = read(&file);
        let named = quoted_after(&text, "path = ").into_iter();
        // The others are addresses in the document of the API.
        for page in named.filter(|path| !path.starts_with('/')) {
            let frame = if module_of(&file) == ISLAND {
                "{% extends \"emulator/frame.html\" %}"
            } else if page.starts_with("admin/") {
                "{% extends \"admin/frame.html\" %}"
            } else {
                "{% extends \"base.html\" %}"
            };
            let template = read(&root().join("templates").join(&page));
            assert!(template.starts_with(frame), "{page}");
            pages += 1;
        }
    }
    assert!(pages >= 10, "only {pages} pages were found");
}

// WB-3
#[test]
fn no_template_leaves_the_escaping_out() {
    for (name, text) in templates() {
        let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        for way in ["|safe", "autoescape", "|escape(\"none\")"] {
            assert!(!squeezed.contains(way), "{name}: {way}");
        }
    }
}

#[test]
fn decisions_are_numbered_without_gaps_and_short() {
    let mut files = Vec::new();
    walk(&root().join("docs/decisions"), &mut files);
    files.sort();
    assert!(!files.is_empty());
    for (at, file) in files.iter().enumerate() {
        let name = file.file_name().unwrap().to_string_lossy();
        let number = format!("{:04}-", at + 1);
        assert!(name.starts_with(&number), "{name} should be {number}…");
        let text = read(file);
        for heading in ["## Context", "## Decision", "## Consequences"] {
            assert!(text.contains(heading), "{name} lacks {heading}");
        }
        assert!(text.lines().count() <= 40, "{name} is long");
    }
}

#[test]
fn paths_are_found_however_they_are_written() {
    let source = r##"
        //! crate::comment
        use crate::plain::Thing;
        use crate::{grouped, nested::{self, inner}, last as renamed};
        pub(in crate::visibility) fn f<'a>(c: char) -> &'a str {
            let _ = ("crate::text", r#"crate::"raw""#, '"', '\'', b'"', b"crate::bytes");
            /* crate::block /* crate::deeper */ */
            super::sibling::call(crate::inline::path());
            super::super::above::call()
        }
        mod tests {
            use super::*;
            use super::super::inner_sibling;
            use super::super::super::from_tests::Thing;
        }
        fn g() { super::super::after_tests::call() }
    "##;
    let mut found = named_from_root(&tokens(source), 2);
    found.sort();
    let expected = [
        "above",
        "after_tests",
        "from_tests",
        "grouped",
        "inline",
        "last",
        "nested",
        "plain",
    ];
    assert_eq!(found, expected);
}

/// The modules of the crate in the order of `src/lib.rs`.
fn map() -> Vec<String> {
    read(&root().join("src/lib.rs"))
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// Every mention of one module by another.
fn mentions() -> Vec<Mention> {
    let mut mentions = Vec::new();
    for file in sources() {
        let from = module_of(&file);
        for to in named_from_root(&tokens(&read(&file)), depth_of(&file)) {
            if to != from {
                mentions.push(Mention {
                    file: file.clone(),
                    from: from.clone(),
                    to,
                });
            }
        }
    }
    mentions
}

/// The first segment of every path that starts at the root of the crate, in a file whose own
/// module lies `depth` below it.
fn named_from_root(tokens: &[String], depth: usize) -> Vec<String> {
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let (mut named, mut braces, mut inline_mods) = (Vec::new(), 0, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let starts = at == 0 || token(at - 1) != "::";
        match token(at) {
            "{" => {
                braces += 1;
                if at >= 2 && token(at - 2) == "mod" {
                    inline_mods.push(braces);
                }
            }
            "}" => {
                if inline_mods.last() == Some(&braces) {
                    inline_mods.pop();
                }
                braces -= 1;
            }
            "crate" | "kakao_gate" if starts && token(at + 1) == "::" => {
                let visibility = at > 0 && token(at - 1) == "in";
                if !visibility {
                    named.extend(first_segments(tokens, at + 2));
                }
            }
            "super" if starts => {
                let mut levels = 1;
                while token(at + 1) == "::" && token(at + 2) == "super" {
                    levels += 1;
                    at += 2;
                }
                if levels == depth + inline_mods.len() && token(at + 1) == "::" {
                    named.extend(first_segments(tokens, at + 2));
                }
            }
            _ => {}
        }
        at += 1;
    }
    named
}

/// The names right after `crate::`: one, or each of a group.
fn first_segments(tokens: &[String], at: usize) -> Vec<String> {
    if tokens[at] != "{" {
        return vec![tokens[at].clone()];
    }
    let (mut names, mut depth) = (Vec::new(), 0);
    for pair in tokens[at..].windows(2) {
        match pair[0].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && ["{", ","].contains(&pair[0].as_str()) && pair[1] != "}" {
            names.push(pair[1].clone());
        }
    }
    names
}

/// The words and signs of Rust source, without comments, texts and characters.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = text_literal(rest) {
            length
        } else if word > 0 {
            tokens.push(rest[..word].to_owned());
            word
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    tokens
}

/// The length of a block comment, which may hold others.
fn block_comment(source: &str) -> usize {
    let mut depth = 0;
    for at in 0..source.len() {
        if source.as_bytes()[at..].starts_with(b"/*") {
            depth += 1;
        } else if source.as_bytes()[at..].starts_with(b"*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    source.len()
}

/// The length of a text or character that starts here, if one does.
fn text_literal(source: &str) -> Option<usize> {
    let bare = source
        .strip_prefix(['b', 'c'])
        .filter(|rest| rest.starts_with(['"', '\'', 'r']))
        .unwrap_or(source);
    let before = source.len() - bare.len();
    if let Some(raw) = bare.strip_prefix('r') {
        let quoted = raw.trim_start_matches('#');
        let fences = raw.len() - quoted.len();
        let inside = quoted.strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(fences));
        let length = inside.find(&end)? + end.len();
        return Some(before + 1 + fences + 1 + length);
    }
    let quote = bare.chars().next().filter(|c| ['"', '\''].contains(c))?;
    let inside = &bare[1..];
    // A lifetime has no quote after its first character.
    if quote == '\'' && !inside.starts_with('\\') {
        let character = inside.chars().next()?.len_utf8();
        return inside[character..]
            .starts_with('\'')
            .then_some(before + 1 + character + 1);
    }
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(before + 1 + at + 1),
            _ => {}
        }
    }
    None
}

/// The quoted texts that directly follow `lead`.
fn quoted_after(text: &str, lead: &str) -> Vec<String> {
    text.split(lead)
        .skip(1)
        .filter_map(|rest| rest.strip_prefix('"')?.split_once('"'))
        .map(|(quoted, _)| quoted.to_owned())
        .collect()
}

/// `web` for `src/web/error.rs`, `main` for `src/main.rs`, `bin/demo` for `src/bin/demo.rs`.
fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let mut parts = inside.components();
    let first = parts.next().unwrap().as_os_str().to_string_lossy();
    let first = first.trim_end_matches(".rs");
    match parts.next() {
        Some(program) if first == "bin" => {
            let program = program.as_os_str().to_string_lossy();
            format!("bin/{}", program.trim_end_matches(".rs"))
        }
        _ => first.to_owned(),
    }
}

/// How far the file's own module lies below the root of its crate.
fn depth_of(file: &Path) -> usize {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let root_of_a_crate = inside.starts_with("bin")
        || inside == Path::new("lib.rs")
        || inside == Path::new("main.rs");
    if root_of_a_crate {
        return 0;
    }
    let parts = inside.components().count();
    parts - usize::from(inside.ends_with("mod.rs"))
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(&root().join("src"), &mut files);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    assert!(files.len() > 50, "the sources were not found");
    files
}

/// Every file under `templates/`: its name there, and its text.
fn templates() -> Vec<(String, String)> {
    let folder = root().join("templates");
    let mut files = Vec::new();
    walk(&folder, &mut files);
    let name = |file: &Path| file.strip_prefix(&folder).unwrap().display().to_string();
    let named = files.iter().map(|file| (name(file), read(file)));
    named.collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
