//! Markdown, as far as terms need it: headings, paragraphs, lists, tables, emphasis, links. Comes
//! out as pieces that a template writes one by one, each text escaped by it; HTML in a text is
//! text, and pictures are their descriptions.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag as Marked, TagEnd};

use super::Document;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// An element begins.
    Open(Tag),
    /// A link begins.
    Link(String),
    /// Text.
    Text(String),
    /// An element ends.
    Close(Tag),
}

/// An element without attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// A heading.
    Heading,
    /// A heading below that.
    Subheading,
    /// A paragraph.
    Paragraph,
    /// A list.
    List,
    /// A list with numbers.
    Numbered,
    /// An item of either.
    Item,
    /// A quotation.
    Quote,
    /// Emphasis.
    Emphasis,
    /// Strong emphasis.
    Strong,
    /// Code.
    Code,
    /// A link, where it ends.
    Link,
    /// A table.
    Table,
    /// A row of a table.
    Row,
    /// A cell in the first row.
    Head,
    /// A cell.
    Cell,
}

impl Tag {
    /// The element's name. The page has the only first-level heading.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Heading => "h2",
            Self::Subheading => "h3",
            Self::Paragraph => "p",
            Self::List => "ul",
            Self::Numbered => "ol",
            Self::Item => "li",
            Self::Quote => "blockquote",
            Self::Emphasis => "em",
            Self::Strong => "strong",
            Self::Code => "code",
            Self::Link => "a",
            Self::Table => "table",
            Self::Row => "tr",
            Self::Head => "th",
            Self::Cell => "td",
        }
    }
}

/// Reads a text. A first-level heading at its start is its title.
pub(super) fn read(text: &str) -> Document {
    let mut pieces = Pieces::default();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        pieces.take(event);
    }
    let title = pieces.title.trim().to_owned();
    Document {
        title: Some(title).filter(|title| !title.is_empty()),
        parts: pieces.parts,
    }
}

#[derive(Default)]
struct Pieces {
    parts: Vec<Part>,
    title: String,
    in_title: bool,
    in_table_head: bool,
    /// What is open, to be closed by the same name: `None` for what has no element.
    open: Vec<Option<Tag>>,
}

impl Pieces {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(end) => self.end(end),
            Event::Code(text) => {
                self.parts.push(Part::Open(Tag::Code));
                self.text(&text);
                self.parts.push(Part::Close(Tag::Code));
            }
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.text(&text),
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule | Event::TaskListMarker(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.title.push_str(text);
            return;
        }
        match self.parts.last_mut() {
            Some(Part::Text(before)) => before.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    fn start(&mut self, tag: &Marked<'_>) {
        if let Marked::Heading {
            level: HeadingLevel::H1,
            ..
        } = tag
            && self.parts.is_empty()
            && self.title.is_empty()
        {
            self.in_title = true;
            self.open.push(None);
            return;
        }
        if let Marked::Link { dest_url, .. } = tag {
            let tag = is_address(dest_url).then_some(Tag::Link);
            if tag.is_some() && !self.in_title {
                self.parts.push(Part::Link(dest_url.to_string()));
            }
            self.open.push(tag);
            return;
        }
        if matches!(tag, Marked::TableHead) {
            self.in_table_head = true;
        }
        let element = self.element(tag);
        if let Some(element) = element
            && !self.in_title
        {
            self.parts.push(Part::Open(element));
        }
        self.open.push(element);
    }

    fn element(&self, tag: &Marked<'_>) -> Option<Tag> {
        Some(match tag {
            Marked::Heading {
                level: HeadingLevel::H1 | HeadingLevel::H2,
                ..
            } => Tag::Heading,
            Marked::Heading { .. } => Tag::Subheading,
            Marked::Paragraph => Tag::Paragraph,
            Marked::HtmlBlock => Tag::Paragraph,
            Marked::List(None) => Tag::List,
            Marked::List(Some(_)) => Tag::Numbered,
            Marked::Item => Tag::Item,
            Marked::BlockQuote(_) => Tag::Quote,
            Marked::Emphasis => Tag::Emphasis,
            Marked::Strong => Tag::Strong,
            Marked::CodeBlock(_) => Tag::Code,
            Marked::Table(_) => Tag::Table,
            Marked::TableHead | Marked::TableRow => Tag::Row,
            Marked::TableCell if self.in_table_head => Tag::Head,
            Marked::TableCell => Tag::Cell,
            _ => return None,
        })
    }

    fn end(&mut self, end: TagEnd) {
        if matches!(end, TagEnd::TableHead) {
            self.in_table_head = false;
        }
        let was_title = self.in_title;
        if matches!(end, TagEnd::Heading(_)) {
            self.in_title = false;
        }
        if let Some(Some(tag)) = self.open.pop()
            && !was_title
        {
            self.parts.push(Part::Close(tag));
        }
    }
}

/// Whether a link may lead there: a page on the web, a mailbox, or a path of our own.
fn is_address(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let schemes = ["https://", "http://", "mailto:"];
    let ours = lower.starts_with('/') && !lower.starts_with("//") && !lower.contains('\\');
    ours || schemes.iter().any(|scheme| lower.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let part = |part: &Part| match part {
            Part::Open(tag) => format!("<{}>", tag.name()),
            Part::Link(to) => format!("<a {to}>"),
            Part::Text(text) => text.clone(),
            Part::Close(tag) => format!("</{}>", tag.name()),
        };
        read(text).parts.iter().map(part).collect()
    }

    #[test]
    fn what_terms_are_made_of_comes_out_whole() {
        let document = read("# 이용 **약관**\n\n제1조");
        assert_eq!(document.title.as_deref(), Some("이용 약관"));
        assert_eq!(written("# 이용 **약관**\n\n제1조"), "<p>제1조</p>");
        for (text, html) in [
            (
                "가\n\n# 나\n\n## 다\n\n### 라",
                "<p>가</p><h2>나</h2><h2>다</h2><h3>라</h3>",
            ),
            (
                "1. a\n   - b\n2. c",
                "<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>",
            ),
            (
                "| a | b |\n|---|---|\n| c | d |",
                "<table><tr><th>a</th><th>b</th></tr><tr><td>c</td><td>d</td></tr></table>",
            ),
            (
                "*a* **b** `c` [d](https://e.example) <f@g.example>",
                "<p><em>a</em> <strong>b</strong> <code>c</code> <a https://e.example>d</a> \
                 f@g.example</p>",
            ),
            (
                "[a](/help) ![그림](https://b.example/x.png)",
                "<p><a /help>a</a> 그림</p>",
            ),
        ] {
            assert_eq!(written(text), html, "{text}");
        }
    }

    // WB-3
    #[test]
    fn nothing_in_a_text_becomes_an_element_or_an_address_of_its_own() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](data:text/html,x)",
            "[a](//evil.example)",
            "[a](/\\evil.example)",
            "![a](javascript:alert(1))",
        ] {
            let parts = read(hostile).parts;
            let link = parts.iter().any(|part| matches!(part, Part::Link(_)));
            assert!(!link, "{hostile}: {parts:?}");
            let elements = parts.iter().filter_map(|part| match part {
                Part::Open(tag) => Some(tag.name()),
                _ => None,
            });
            assert!(elements.into_iter().all(|name| name == "p"), "{hostile}");
        }
    }
}
