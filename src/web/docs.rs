//! `/docs/api`: the document of the API for people to read. All of its texts come from the document,
//! which is in English; the headings around them are the page's.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::Value;

use super::Site;
use super::error::{ErrorId, Problem};
use super::page::{self, Layout};
use super::visitor::Visitor;

mod curl;
mod schema;

use schema::Field;

#[derive(Template)]
#[template(path = "docs/api.html")]
struct Overview<'a> {
    layout: Layout<'a>,
    about: Vec<Text<'a>>,
    groups: Vec<Group<'a>>,
    problem: Vec<Field<'a>>,
}

/// Operations that belong together.
struct Group<'a> {
    name: &'a str,
    about: &'a str,
    operations: Vec<Entry<'a>>,
}

/// An operation, in the overview.
struct Entry<'a> {
    id: &'a str,
    summary: &'a str,
    method: String,
    path: &'a str,
}

#[derive(Template)]
#[template(path = "docs/operation.html")]
struct Operation<'a> {
    layout: Layout<'a>,
    entry: Entry<'a>,
    about: Text<'a>,
    who: Vec<&'a str>,
    parameters: Vec<Field<'a>>,
    body: Option<Body<'a>>,
    answers: Vec<Answer<'a>>,
    curl: String,
}

/// What is sent.
struct Body<'a> {
    about: &'a str,
    kinds: String,
    fields: Vec<Field<'a>>,
}

/// What comes back with a status.
struct Answer<'a> {
    status: &'a str,
    /// Of problems, one for each code.
    about: Vec<Text<'a>>,
    kinds: String,
    headers: String,
    fields: Vec<Field<'a>>,
}

/// A text, with what is between backticks set apart: whether it is, and the text.
struct Text<'a>(Vec<(bool, &'a str)>);

impl<'a> Text<'a> {
    fn of(text: &'a str) -> Self {
        let parts = text.split('`').enumerate();
        let parts = parts.map(|(at, part)| (at % 2 == 1, part));
        Self(parts.filter(|(_, part)| !part.is_empty()).collect())
    }
}

/// Anyone.
pub(super) async fn overview(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    let document = site.document.value();
    let groups = at(document, "/tags").as_array().into_iter().flatten();
    let groups = groups.map(|tag| Group {
        name: text(at(tag, "/name")),
        about: text(at(tag, "/description")),
        operations: operations(&site)
            .filter(|(_, operation)| at(operation, "/tags/0") == at(tag, "/name"))
            .map(|(entry, _)| entry)
            .collect(),
    });
    let about = text(at(document, "/info/description")).split("\n\n");
    let overview = Overview {
        layout: Layout::new(&site, &visitor),
        about: about.map(Text::of).collect(),
        groups: groups.collect(),
        problem: schema::fields(document, at(document, "/components/schemas/Problem")),
    };
    page::show(&site, &visitor, &overview)
}

/// Anyone.
pub(super) async fn operation(
    site: web::Data<Site>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let document = site.document.value();
    let found = operations(&site).find(|(entry, _)| entry.id == id.as_str());
    let (entry, operation) = found.ok_or(ErrorId::NotFound)?;
    let responses = at(operation, "/responses")
        .as_object()
        .into_iter()
        .flatten();
    let page = Operation {
        layout: Layout::new(&site, &visitor),
        about: Text::of(text(at(operation, "/description"))),
        who: who(document, operation),
        parameters: schema::parameters(operation),
        body: body(document, operation),
        answers: responses
            .map(|(status, answer)| Answer::of(document, status, answer))
            .collect(),
        curl: curl::commands(document, entry.path, &entry.method, operation),
        entry,
    };
    Ok(page::show(&site, &visitor, &page))
}

fn operations(site: &Site) -> impl Iterator<Item = (Entry<'_>, &Value)> {
    let paths = at(site.document.value(), "/paths");
    site.document.order().iter().map(|(path, method)| {
        let operation = paths.get(path).and_then(|item| item.get(method));
        let operation = operation.unwrap_or(&Value::Null);
        let entry = Entry {
            id: text(at(operation, "/operationId")),
            summary: text(at(operation, "/summary")),
            method: method.to_uppercase(),
            path,
        };
        (entry, operation)
    })
}

/// Who may call it, in the words of what they show; nothing when that is anybody.
fn who<'a>(document: &'a Value, operation: &'a Value) -> Vec<&'a str> {
    let schemes = at(document, "/components/securitySchemes");
    let ways = at(operation, "/security").as_array().into_iter().flatten();
    let shown = ways.flat_map(|way| way.as_object().into_iter().flat_map(|way| way.keys()));
    shown
        .map(|scheme| text(at(schemes, &format!("/{scheme}/description"))))
        .collect()
}

fn body<'a>(document: &'a Value, operation: &'a Value) -> Option<Body<'a>> {
    let body = operation.get("requestBody")?;
    let (_, content) = at(body, "/content").as_object()?.iter().next()?;
    Some(Body {
        about: text(at(body, "/description")),
        kinds: kinds(body),
        fields: schema::fields(document, at(content, "/schema")),
    })
}

impl<'a> Answer<'a> {
    fn of(document: &'a Value, status: &'a str, answer: &'a Value) -> Self {
        let about = text(at(answer, "/description"));
        let problem = at(answer, "/content").get("application/problem+json");
        let content = at(answer, "/content")
            .as_object()
            .and_then(|all| all.values().next());
        let headers = at(answer, "/headers").as_object().into_iter().flatten();
        // What is said of all is not said again of each.
        let headers = headers.filter(|(_, header)| at(header, "/description") != "no-store");
        let headers = headers.map(|(name, header)| {
            let about = text(at(header, "/description"));
            format!("{name}: {about}")
        });
        Self {
            status,
            about: match problem {
                Some(_) => about.split(". ").map(Text::of).collect(),
                None => vec![Text::of(about)],
            },
            kinds: match problem {
                Some(_) => String::new(),
                None => kinds(answer),
            },
            headers: headers.collect::<Vec<_>>().join("; "),
            fields: match (problem, content) {
                (None, Some(content)) => schema::fields(document, at(content, "/schema")),
                _ => Vec::new(),
            },
        }
    }
}

fn kinds(of: &Value) -> String {
    let kinds = at(of, "/content").as_object().into_iter().flatten();
    let kinds: Vec<&str> = kinds.map(|(kind, _)| kind.as_str()).collect();
    kinds.join(", ")
}

/// What a pointer (RFC 6901) leads to; null where there is nothing.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// A text of the document; nothing where there is none.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
