//! What people agree to when they join: the operator's texts, one file a text and language, or the
//! built-in ones where there are none.
//!
//! `TERMS_DIR` holds `terms.ko.md`, `terms.en.md`, `privacy.ko.md`, `privacy.en.md` and, for
//! whatever else is to be asked, two files of that name each. A file begins with lines
//! `version: 2026-03-01` and, where it is not what its name suggests, `consent: optional` or
//! `consent: required`; after an empty line the text follows, in Markdown. All of it is read and
//! checked once, at start.

mod markdown;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub use markdown::{Part, Tag};

use crate::i18n::Lang;

/// The item that is asked of everybody and has no text: to be 14 or older.
pub const AGE: &str = "age";
/// The terms of service.
pub const TERMS: &str = "terms";
/// The collection and use of personal data.
pub const PRIVACY: &str = "privacy";
/// News and offers by mail.
pub const MARKETING: &str = "marketing";

/// The version of what is built in.
pub const BUILT_IN: &str = "built-in";

/// The largest file read, in bytes: a page holds it whole.
const LARGEST: u64 = 256 * 1024;

/// The most items that somebody who joins can be asked about.
const MOST: usize = 12;

/// The longest name of an item, and of a version, in bytes.
const LONGEST_NAME: usize = 40;

/// Everything that is asked, in order.
#[derive(Clone, Debug)]
pub struct Agreements {
    items: Vec<Item>,
    published: bool,
}

/// One thing to agree to.
#[derive(Clone, Debug)]
pub struct Item {
    /// As it is stored: `age`, `terms`, `privacy`, `marketing`, or the name of the operator's file.
    pub id: String,
    /// Which version of its text is in force.
    pub version: String,
    /// Whether nobody joins without it.
    pub required: bool,
    texts: Option<[Document; 2]>,
}

/// A text in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its heading, where it has one.
    pub title: Option<String>,
    /// What it says, to be written out piece by piece.
    pub parts: Vec<Part>,
}

impl Default for Agreements {
    /// What is asked where the operator has published nothing.
    fn default() -> Self {
        let item = |id: &str, required| Item {
            id: id.to_owned(),
            version: BUILT_IN.to_owned(),
            required,
            texts: None,
        };
        Self {
            items: vec![
                item(AGE, true),
                item(TERMS, true),
                item(PRIVACY, true),
                item(MARKETING, false),
            ],
            published: false,
        }
    }
}

impl Agreements {
    /// Reads the operator's texts.
    ///
    /// # Errors
    /// Everything that is wrong with them, each as the rest of a sentence about the folder. Names
    /// of files are told, what is in them is not.
    pub fn read(folder: &Path) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut files = BTreeMap::new();
        match fs::read_dir(folder) {
            Err(error) => return Err(vec![format!("cannot be read: {}", error.kind())]),
            Ok(entries) => {
                for entry in entries.flatten() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if !name.ends_with(".md") || name.starts_with('.') {
                        continue;
                    }
                    match (named(&name), open(&entry.path())) {
                        (None, _) => problems.push(format!(
                            "holds {name}: names are like terms.ko.md, of small letters, digits \
                             and dashes"
                        )),
                        (_, Err(says)) => problems.push(format!("holds {name}, which {says}")),
                        (Some(key), Ok(file)) => {
                            files.insert(key, file);
                        }
                    }
                }
            }
        }
        let mut ids: Vec<String> = files.keys().map(|(id, _)| id.clone()).collect();
        ids.extend([TERMS.to_owned(), PRIVACY.to_owned()]);
        ids.sort_by_key(|id| (place(id), id.clone()));
        ids.dedup();
        if ids.len() > MOST {
            problems.push(format!("asks for more than {MOST} things"));
        }
        let mut items = Self::default().items;
        items.retain(|item| item.id == AGE);
        for id in ids {
            let mut file = |lang: Lang| {
                let file = files.remove(&(id.clone(), lang.code()));
                if file.is_none() {
                    problems.push(format!("lacks {id}.{}.md", lang.code()));
                }
                file
            };
            let (ko, en) = (file(Lang::Ko), file(Lang::En));
            if let (Some(ko), Some(en)) = (ko, en) {
                match Item::of(&id, ko, en) {
                    Ok(item) => items.push(item),
                    Err(says) => problems.push(says),
                }
            }
        }
        if !problems.is_empty() {
            problems.sort();
            return Err(problems);
        }
        Ok(Self {
            items,
            published: true,
        })
    }

    /// Whether these are the operator's own.
    #[must_use]
    pub fn are_published(&self) -> bool {
        self.published
    }

    /// What is asked, in order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The item of that name, if it is asked.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }
}

impl Item {
    fn of(id: &str, ko: File, en: File) -> Result<Self, String> {
        if ko.version != en.version {
            return Err(format!(
                "holds {id}.ko.md and {id}.en.md of different versions"
            ));
        }
        if ko.required != en.required {
            return Err(format!(
                "holds {id}.ko.md and {id}.en.md, and only one of them says whether it is required"
            ));
        }
        let known = [TERMS, PRIVACY, MARKETING].contains(&id);
        if !known && (ko.document.title.is_none() || en.document.title.is_none()) {
            return Err(format!(
                "holds {id}.ko.md and {id}.en.md, whose texts must begin with a line # and a title"
            ));
        }
        Ok(Self {
            required: ko.required.unwrap_or(id != MARKETING),
            id: id.to_owned(),
            version: ko.version,
            texts: Some([ko.document, en.document]),
        })
    }

    /// The text in that language; `None` for what has none.
    #[must_use]
    pub fn text(&self, lang: Lang) -> Option<&Document> {
        let [ko, en] = self.texts.as_ref()?;
        Some(match lang {
            Lang::Ko => ko,
            Lang::En => en,
        })
    }
}

/// One file, read.
struct File {
    version: String,
    required: Option<bool>,
    document: Document,
}

/// The item and the language that a file is named after.
fn named(file: &str) -> Option<(String, &'static str)> {
    let (id, lang) = file.strip_suffix(".md")?.rsplit_once('.')?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = !id.is_empty() && id.len() <= LONGEST_NAME && id.chars().all(plain) && id != AGE;
    good.then_some((id.to_owned(), Lang::parse(lang)?.code()))
}

/// The terms first, then what is done with personal data, and news and offers last.
fn place(id: &str) -> u8 {
    match id {
        TERMS => 0,
        PRIVACY => 1,
        MARKETING => 3,
        _ => 2,
    }
}

fn open(path: &Path) -> Result<File, String> {
    let unread = |error: std::io::Error| format!("cannot be read: {}", error.kind());
    if fs::metadata(path).map_err(unread)?.len() > LARGEST {
        return Err(format!("is larger than {} KB", LARGEST / 1024));
    }
    parse(&fs::read_to_string(path).map_err(unread)?)
}

fn parse(text: &str) -> Result<File, String> {
    // Editors on Windows put a mark at the start, and carriage returns at the end of lines.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    if text.contains('\0') {
        return Err("holds a NUL character".to_owned());
    }
    let (head, body) = text.split_once("\n\n").unwrap_or((text.as_str(), ""));
    let (mut version, mut required) = (None, None);
    for line in head.lines() {
        match line
            .split_once(':')
            .map(|(name, value)| (name.trim(), value.trim()))
        {
            Some(("version", value)) if is_version(value) => version = Some(value.to_owned()),
            Some(("consent", "required")) => required = Some(true),
            Some(("consent", "optional")) => required = Some(false),
            Some(("version", _)) => {
                return Err("has a version that is not letters, digits, dots and dashes".to_owned());
            }
            Some(("consent", _)) => {
                return Err("must say consent: required or consent: optional".to_owned());
            }
            _ => break,
        }
    }
    let version = version.ok_or(
        "does not begin with a line such as version: 2026-03-01, followed by an empty line",
    )?;
    let document = markdown::read(body);
    if document.parts.is_empty() {
        return Err("says nothing after its version".to_owned());
    }
    Ok(File {
        version,
        required,
        document,
    })
}

fn is_version(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !text.is_empty() && text.len() <= LONGEST_NAME && text.chars().all(plain) && text != BUILT_IN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    const GOOD: &[(&str, &str)] = &[
        ("terms.ko.md", "version: 2026-03-01\n\n# 이용약관\n\n첫째."),
        (
            "terms.en.md",
            "\u{feff}version: 2026-03-01\r\n\r\n# Terms\r\n\r\nFirst.",
        ),
        ("privacy.ko.md", "version: 7\n\n수집하는 것."),
        ("privacy.en.md", "version: 7\n\nWhat we collect."),
    ];

    fn with(more: &[(&str, &str)]) -> Result<Agreements, Vec<String>> {
        let mut files = GOOD.to_vec();
        files.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        files.extend(more.iter().filter(|(_, text)| !text.is_empty()));
        Agreements::read(folder(&files).path())
    }

    #[test]
    fn what_is_in_the_folder_is_asked_in_order() {
        let agreements = with(&[
            ("marketing.ko.md", "version: 1\n\n소식"),
            ("marketing.en.md", "version: 1\n\nNews"),
            (
                "location.ko.md",
                "version: 1\nconsent: optional\n\n# 위치정보\n\n위치",
            ),
            (
                "location.en.md",
                "version: 1\nconsent: optional\n\n# Location\n\nWhere",
            ),
            ("README.txt", "nothing to do with it"),
        ])
        .unwrap();
        let asked: Vec<_> = agreements
            .items()
            .iter()
            .map(|item| (item.id.as_str(), item.version.as_str(), item.required))
            .collect();
        assert_eq!(
            asked,
            [
                ("age", "built-in", true),
                ("terms", "2026-03-01", true),
                ("privacy", "7", true),
                ("location", "1", false),
                ("marketing", "1", false),
            ]
        );
        let terms = agreements.item("terms").unwrap();
        assert_eq!(
            terms.text(Lang::En).unwrap().title.as_deref(),
            Some("Terms")
        );
        assert_eq!(
            terms.text(Lang::Ko).unwrap().title.as_deref(),
            Some("이용약관")
        );
        assert!(agreements.are_published());
    }

    #[test]
    fn everything_wrong_with_the_folder_is_told_by_the_name_of_the_file() {
        for (more, says) in [
            (&[("terms.en.md", "")][..], "lacks terms.en.md"),
            (&[("privacy.ko.md", "")], "lacks privacy.ko.md"),
            (
                &[("term.ko.md", "version: 1\n\n# a\n\nb")],
                "lacks term.en.md",
            ),
            (
                &[("terms.ko.md", "# 이용약관\n\n첫째.")],
                "terms.ko.md, which does not begin",
            ),
            (
                &[("terms.ko.md", "version: 1 2\n\na")],
                "terms.ko.md, which has a version",
            ),
            (
                &[("terms.ko.md", "version: built-in\n\na")],
                "which has a version",
            ),
            (
                &[("terms.ko.md", "version: 1\n\n  \n")],
                "which says nothing",
            ),
            (
                &[("terms.ko.md", "version: 2\n\na")],
                "of different versions",
            ),
            (
                &[("terms.ko.md", "version: 1\nconsent: maybe\n\na")],
                "must say consent",
            ),
            (&[("Terms.ko.md", "version: 1\n\na")], "holds Terms.ko.md"),
            (&[("terms.fr.md", "version: 1\n\na")], "holds terms.fr.md"),
            (&[("age.ko.md", "version: 1\n\na")], "holds age.ko.md"),
            (
                &[
                    ("x.ko.md", "version: 1\n\na"),
                    ("x.en.md", "version: 1\n\nb"),
                ],
                "must begin with a line #",
            ),
        ] {
            let problems = with(more).map(|_| ()).unwrap_err();
            let found = problems.iter().any(|problem| problem.contains(says));
            assert!(found, "{says:?} in {problems:?}");
        }
        let nowhere = Agreements::read(Path::new("/nonexistent")).map(|_| ());
        assert!(nowhere.unwrap_err()[0].starts_with("cannot be read"));
    }
}
