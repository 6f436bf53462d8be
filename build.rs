//! Build script: turns `src/copy.toml` into one typed method a text, and `static/` into a table
//! of compressed files whose names carry their content's hash.
//!
//! A text that lacks a language or an argument stops the build with its key, all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// What made the build impossible, other than a faulty text.
type Failure = Box<dyn Error>;

const COPY: &str = "src/copy.toml";
const STATIC: &str = "static";
/// Lists where vendored files came from; not for browsers.
const VENDOR_MANIFEST: &str = "VENDOR.toml";

fn main() -> Result<(), Failure> {
    // A directory is watched whole: askama and diesel embed its files but do not notice new ones.
    for watched in ["build.rs", COPY, STATIC, "templates", "migrations"] {
        tell_cargo("rerun-if-changed", watched);
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    write_texts(&out)?;
    write_assets(&out)
}

fn tell_cargo(directive: &str, value: &str) {
    println!("cargo::{directive}={value}");
}

// Texts.

/// One text in both languages, checked.
struct Text {
    ko: String,
    en: String,
    /// The placeholders in the order the Korean text names them: the method's arguments.
    arguments: Vec<String>,
}

fn write_texts(out: &Path) -> Result<(), Failure> {
    let catalogue: toml::Table = fs::read_to_string(COPY)?.parse()?;
    let mut methods = String::new();
    let mut entries = String::new();
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for (key, value) in &catalogue {
        let text = match check_text(value) {
            Ok(text) => text,
            Err(problem) => {
                tell_cargo("error", &format!("{COPY}: {key}: {problem}"));
                continue;
            }
        };
        let name = key.replace(['.', '-'], "_");
        if let Some(other) = taken.insert(name.clone(), key) {
            let problem = format!("{COPY}: {key} and {other} both become {name}()");
            tell_cargo("error", &problem);
        }
        write_method(&mut methods, key, &name, &text)?;
        writeln!(entries, "    ({key:?}, {:?}, {:?}),", text.ko, text.en)?;
    }
    let source = format!(
        "impl Texts {{\n{methods}}}\n\n\
         /// Key, Korean and English, for the tests that read all copy.\n\
         #[cfg(test)]\nconst CATALOGUE: &[(&str, &str, &str)] = &[\n{entries}];\n"
    );
    fs::write(out.join("texts.rs"), source)?;
    Ok(())
}

fn check_text(value: &toml::Value) -> Result<Text, String> {
    let table = value.as_table().ok_or("is not a table with ko and en")?;
    if let Some(unknown) = table
        .keys()
        .find(|field| !["ko", "en"].contains(&field.as_str()))
    {
        return Err(format!("unknown field {unknown}"));
    }
    let (ko, en) = (language(table, "ko")?, language(table, "en")?);
    let arguments = placeholders(&ko)?;
    let named: BTreeSet<&String> = arguments.iter().collect();
    let english = placeholders(&en)?;
    if named != english.iter().collect() {
        return Err(format!("ko takes {arguments:?}, en takes {english:?}"));
    }
    Ok(Text { ko, en, arguments })
}

fn language(table: &toml::Table, language: &str) -> Result<String, String> {
    let text = table
        .get(language)
        .ok_or(format!("{language} is missing"))?;
    let text = text.as_str().ok_or(format!("{language} is not a string"))?;
    if text.trim().is_empty() {
        return Err(format!("{language} is empty"));
    }
    Ok(text.to_owned())
}

/// The names between braces, each once, in order of first use.
fn placeholders(text: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    let mut pieces = text.split('{');
    let before = pieces.next().unwrap_or_default();
    if before.contains('}') {
        return Err(format!("stray brace in {text:?}"));
    }
    for piece in pieces {
        let (name, rest) = piece
            .split_once('}')
            .ok_or(format!("open brace in {text:?}"))?;
        if rest.contains('}') {
            return Err(format!("stray brace in {text:?}"));
        }
        if name.is_empty()
            || !name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        {
            return Err(format!("placeholder {{{name}}} is not lower-case letters"));
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn write_method(
    source: &mut String,
    key: &str,
    name: &str,
    text: &Text,
) -> Result<(), std::fmt::Error> {
    let Text { ko, en, arguments } = text;
    writeln!(source, "    /// `{key}`: {ko:?}, {en:?}.")?;
    writeln!(source, "    #[must_use]")?;
    if arguments.is_empty() {
        writeln!(source, "    pub fn {name}(self) -> &'static str {{")?;
        writeln!(source, "        self.pick({ko:?}, {en:?})")?;
    } else {
        let parameters: Vec<String> = arguments
            .iter()
            .map(|argument| format!("{argument}: impl std::fmt::Display"))
            .collect();
        let parameters = parameters.join(", ");
        writeln!(source, "    pub fn {name}(self, {parameters}) -> String {{")?;
        writeln!(source, "        match self.lang {{")?;
        writeln!(source, "            Lang::Ko => format!({ko:?}),")?;
        writeln!(source, "            Lang::En => format!({en:?}),")?;
        writeln!(source, "        }}")?;
    }
    writeln!(source, "    }}\n")
}

// Static files.

fn write_assets(out: &Path) -> Result<(), Failure> {
    let mut files = Vec::new();
    collect_files(Path::new(STATIC), &mut files)?;
    files.sort();
    let mut paths = String::new();
    let mut table = String::new();
    for file in &files {
        let content = fs::read(file)?;
        let (content_type, compressible) = content_type(file)?;
        let relative = file.strip_prefix(STATIC)?;
        let address = address(relative, &content)?;
        let constant = constant_name(relative)?;
        let flat = constant.to_lowercase();
        let brotli = compressible.then(|| brotli(&content)).transpose()?;
        let gzip = compressible.then(|| gzip(&content)).transpose()?;
        let brotli = keep_if_smaller(out, &format!("{flat}.br"), &content, brotli)?;
        let gzip = keep_if_smaller(out, &format!("{flat}.gz"), &content, gzip)?;
        let source = file.to_str().ok_or("a file name is not Unicode")?;
        writeln!(paths, "const {constant}: &str = {address:?};")?;
        writeln!(
            table,
            "    Asset {{\n        path: {constant},\n        content_type: {content_type:?},\n        \
             identity: include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{source}\")),\n        \
             brotli: {brotli},\n        gzip: {gzip},\n    }},"
        )?;
    }
    let source = format!("{paths}\nstatic ASSETS: &[Asset] = &[\n{table}];\n");
    fs::write(out.join("assets.rs"), source)?;
    Ok(())
}

fn collect_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_files(&path, files)?;
        } else if !path.ends_with(VENDOR_MANIFEST) {
            files.push(path);
        }
    }
    Ok(())
}

/// The `Content-Type` of a file, and whether compressing it can pay.
fn content_type(file: &Path) -> Result<(&'static str, bool), Failure> {
    let extension = file.extension().and_then(|extension| extension.to_str());
    Ok(match extension {
        Some("css") => ("text/css; charset=utf-8", true),
        Some("js") => ("text/javascript; charset=utf-8", true),
        Some("svg") => ("image/svg+xml", true),
        Some("txt") => ("text/plain; charset=utf-8", true),
        Some("png") => ("image/png", false),
        Some("webp") => ("image/webp", false),
        Some("ico") => ("image/x-icon", false),
        Some("woff2") => ("font/woff2", false),
        _ => return Err(format!("{}: add its type to build.rs", file.display()).into()),
    })
}

/// `app.css` with these bytes becomes `/static/app.3f9c2a1b.css`.
fn address(relative: &Path, content: &[u8]) -> Result<String, Failure> {
    let name = relative.to_str().ok_or("a file name is not Unicode")?;
    let (stem, extension) = name.rsplit_once('.').ok_or("a file has no extension")?;
    let mut hash = String::new();
    for byte in Sha256::digest(content).iter().take(4) {
        write!(hash, "{byte:02x}")?;
    }
    Ok(format!("/{STATIC}/{stem}.{hash}.{extension}"))
}

/// `app.css` becomes `APP_CSS`.
fn constant_name(relative: &Path) -> Result<String, Failure> {
    let name = relative.to_str().ok_or("a file name is not Unicode")?;
    Ok(name.to_uppercase().replace(['/', '.', '-'], "_"))
}

fn brotli(content: &[u8]) -> Result<Vec<u8>, Failure> {
    const BUFFER: usize = 4096;
    const QUALITY: u32 = 11;
    const WINDOW: u32 = 22;
    let mut compressed = Vec::new();
    brotli::CompressorReader::new(content, BUFFER, QUALITY, WINDOW).read_to_end(&mut compressed)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

/// Stores a compressed form for embedding; answers the Rust expression that embeds it.
fn keep_if_smaller(
    out: &Path,
    name: &str,
    content: &[u8],
    compressed: Option<Vec<u8>>,
) -> Result<String, Failure> {
    let Some(compressed) = compressed.filter(|compressed| compressed.len() < content.len()) else {
        return Ok("None".to_owned());
    };
    fs::write(out.join(name), compressed)?;
    Ok(format!(
        "Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\")))"
    ))
}
