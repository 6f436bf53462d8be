//! Somebody with a browser: keeps cookies, follows nothing by itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use kakao_gate::emulator::{Consent, Emulator};
use reqwest::Method;
use reqwest::redirect::Policy;

use super::TestApp;
use super::contract;
use super::page::Page;

/// A browser with cookies.
pub struct Visitor {
    pub client: reqwest::Client,
    site: String,
    cookies: RefCell<BTreeMap<String, String>>,
    headers: RefCell<BTreeMap<String, String>>,
}

impl Visitor {
    pub fn new(site: &str) -> Self {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            // A connection kept for later may be closed just when the next request goes out.
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(40))
            .build()
            .unwrap();
        let headers = BTreeMap::from([
            ("accept".to_owned(), "text/html".to_owned()),
            ("accept-language".to_owned(), "ko".to_owned()),
            (
                "user-agent".to_owned(),
                "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36".to_owned(),
            ),
        ]);
        Self {
            client,
            site: site.to_owned(),
            cookies: RefCell::default(),
            headers: RefCell::new(headers),
        }
    }

    /// Sends this header with every request from now on; an empty value stops it.
    pub fn always(&self, name: &str, value: &str) {
        let mut headers = self.headers.borrow_mut();
        if value.is_empty() {
            headers.remove(name);
        } else {
            headers.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The same browser once more: what it sends from now on changes nothing here.
    pub fn copy(&self) -> Self {
        Self {
            client: self.client.clone(),
            site: self.site.clone(),
            cookies: RefCell::new(self.cookies.borrow().clone()),
            headers: RefCell::new(self.headers.borrow().clone()),
        }
    }

    /// The same browser, when the service has moved to another address of this machine.
    pub fn at(&self, site: &str) -> Self {
        Self {
            site: site.to_owned(),
            ..self.copy()
        }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    /// The values of all cookies.
    pub fn cookies(&self) -> Vec<String> {
        self.cookies.borrow().values().cloned().collect()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies
            .borrow_mut()
            .insert(name.to_owned(), value.to_owned());
    }

    pub fn forget_cookie(&self, name: &str) {
        self.cookies.borrow_mut().remove(name);
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Page {
        self.send(Method::GET, path, headers, None).await
    }

    pub async fn head(&self, path: &str) -> Page {
        self.send(Method::HEAD, path, &[], None).await
    }

    /// Sends a form as a page of ours would: same-site, and with `csrf` among the fields if the
    /// story wants it there.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let site = self.site.clone();
        let headers = [("sec-fetch-site", "same-origin"), ("origin", site.as_str())];
        self.post_with(path, &headers, fields).await
    }

    pub async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Page {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.send(Method::POST, path, headers, Some(form.finish()))
            .await
    }

    /// Presses a button: takes the form token from the page at `from`, then posts.
    pub async fn press(&self, from: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.get(from).await.csrf();
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        self.post(path, &fields).await
    }

    /// Follows an answer that leads to another page of ours.
    pub async fn follow(&self, page: &Page) -> Page {
        let location = page.location();
        assert!(
            location.starts_with('/') || location.starts_with(&self.site),
            "{location}"
        );
        self.get(location).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        form: Option<String>,
    ) -> Page {
        self.try_send(method, path, headers, form)
            .await
            .expect("an answer")
    }

    /// As [`Visitor::send`], where the connection may break.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        form: Option<String>,
    ) -> reqwest::Result<Page> {
        let response = self.ask(method.clone(), path, headers, form).await?;
        let page = Page::read(response).await;
        contract::hold(&method, path, &page);
        Ok(page)
    }

    /// Sends a form of ours; the answer's body is still to be read.
    pub async fn post_unread(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        let headers = [("sec-fetch-site", "same-origin")];
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let answer = self.ask(Method::POST, path, &headers, Some(form.finish()));
        answer.await.expect("an answer")
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        form: Option<String>,
    ) -> reqwest::Result<reqwest::Response> {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.site)
        } else {
            path.to_owned()
        };
        let mut request = self.client.request(method, url);
        for (name, value) in &*self.headers.borrow() {
            // What a story says of one request comes instead of what is said of all.
            if !headers.iter().any(|(instead, _)| instead == name) {
                request = request.header(name, value);
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(form) = form {
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form);
        }
        let response = request.send().await?;
        self.take_cookies(&response);
        Ok(response)
    }

    fn take_cookies(&self, response: &reqwest::Response) {
        let mut cookies = self.cookies.borrow_mut();
        for header in response.headers().get_all("set-cookie") {
            let text = header.to_str().unwrap();
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") || value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Starts a login and lets `person` agree at Kakao: the path and query that the browser is
    /// sent back with.
    pub async fn to_callback(&self, emulator: &Emulator, person: &str, next: &str) -> String {
        let begun = self.get(&format!("/auth/kakao?next={next}")).await;
        assert_eq!(begun.status, 303, "{}", begun.body);
        let back = emulator.authorize(begun.location(), person, Consent::All);
        back.strip_prefix(&self.site)
            .unwrap_or_else(|| panic!("Kakao said {back}"))
            .to_owned()
    }

    /// The whole login of `person`, up to the answer to the callback.
    pub async fn log_in(&self, app: &TestApp, person: &str) -> Page {
        let callback = self.to_callback(&app.emulator, person, "/me").await;
        self.get(&callback).await
    }

    /// The whole login of `person`, which must succeed.
    pub async fn log_in_as(&self, app: &TestApp, person: &str) {
        let page = self.log_in(app, person).await;
        assert_eq!(
            (page.status, page.location()),
            (303, "/me"),
            "{}",
            page.body
        );
    }
}
