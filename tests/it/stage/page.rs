//! An answer as a visitor sees it.

use reqwest::header::HeaderMap;
use scraper::{Html, Selector};

/// Status, headers and body.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    pub async fn read(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Where the answer leads.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The id of the error page that the answer leads to, or nothing.
    pub fn leads_to_error(&self) -> &str {
        match self.location() {
            "/auth/kakao/cancelled" => "cancelled",
            other => other.strip_prefix("/auth/error?e=").unwrap_or_default(),
        }
    }

    /// The `Set-Cookie` header of that cookie, or nothing.
    pub fn set_cookie(&self, name: &str) -> String {
        let prefix = format!("{name}=");
        let headers = self.headers.get_all("set-cookie");
        let texts = headers.iter().map(|value| value.to_str().unwrap());
        texts
            .filter(|text| text.starts_with(&prefix))
            .map(str::to_owned)
            .next()
            .unwrap_or_default()
    }

    /// The page's heading.
    pub fn h1(&self) -> String {
        self.text("h1")
    }

    /// The text of the first element that `selector` finds, or nothing.
    pub fn text(&self, selector: &str) -> String {
        self.texts(selector).into_iter().next().unwrap_or_default()
    }

    /// The texts of all elements that `selector` finds.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        let html = Html::parse_document(&self.body);
        let texts = html
            .select(&selector)
            .map(|element| element.text().collect::<String>());
        texts
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// The values of an attribute of all elements that `selector` finds.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        let html = Html::parse_document(&self.body);
        html.select(&selector)
            .filter_map(|element| element.attr(name).map(str::to_owned))
            .collect()
    }

    /// The token that the page's forms carry.
    pub fn csrf(&self) -> String {
        let tokens = self.attributes("input[name=csrf]", "value");
        tokens.into_iter().next().expect("a form on the page")
    }

    /// The error's stable code, for programs.
    pub fn error_code(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        json["error"].as_str().unwrap().to_owned()
    }
}
