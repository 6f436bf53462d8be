//! A browser without script, as far as the emulator's pages need one.

use reqwest::Method;
use scraper::{Html, Selector};

use super::{Answer, Kakao};

/// A browser: it keeps the one cookie and fills in forms.
pub struct Browser<'a> {
    kakao: &'a Kakao,
    cookie: String,
}

impl<'a> Browser<'a> {
    pub fn new(kakao: &'a Kakao) -> Self {
        Self {
            kakao,
            cookie: String::new(),
        }
    }

    pub async fn open(&mut self, path: &str) -> Answer {
        let request = self.kakao.request(Method::GET, path);
        self.send(request).await
    }

    /// Sends the form of `page` that posts to `action`, with its hidden fields and these.
    pub async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let html = Html::parse_document(&page.body);
        let hidden = format!("form[action='{action}'] input[type=hidden]");
        let hidden = Selector::parse(&hidden).unwrap();
        let hidden = html.select(&hidden).map(|input| {
            let attribute = |name| input.attr(name).unwrap().to_owned();
            (attribute("name"), attribute("value"))
        });
        let mut form: Vec<_> = hidden.collect();
        assert!(!form.is_empty(), "no form to {action} in {}", page.body);
        form.extend(fields.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())));
        let request = self.kakao.request(Method::POST, action).form(&form);
        self.send(request).await
    }

    pub async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.header("cookie", &self.cookie);
        let answer = self.kakao.send(request).await;
        if let Some((cookie, _)) = answer.header("set-cookie").split_once(';') {
            cookie.clone_into(&mut self.cookie);
        }
        answer
    }

    pub async fn choose(&mut self, page: &Answer, person: &str) -> Answer {
        self.submit(page, "/emulator/account", &[("person", person)])
            .await
    }

    pub async fn reply(&mut self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        self.submit(page, "/emulator/consent", fields).await
    }
}

pub fn heading(page: &Answer) -> String {
    let html = Html::parse_document(&page.body);
    let headings = Selector::parse("h1").unwrap();
    let mut headings = html.select(&headings);
    let text = headings.next().expect("a heading").text().collect();
    assert!(headings.next().is_none(), "one heading only");
    text
}

pub fn values(page: &Answer, selector: &str) -> Vec<String> {
    let html = Html::parse_document(&page.body);
    let selector = Selector::parse(selector).unwrap();
    let value = |input: scraper::ElementRef<'_>| input.attr("value").unwrap().to_owned();
    html.select(&selector).map(value).collect()
}
