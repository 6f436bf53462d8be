//! Choosing the session cookie to believe, before actix-session looks.
//!
//! actix-session knows one key and takes the first cookie of its name. Two things are added
//! here: a cookie sealed with an older key still counts and is sealed anew, and junk planted
//! under the same name in front of the real one does not sign anybody out.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, Key, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, web};

use super::Brief;

/// The most cookies of the session's name that are tried.
const MOST_TRIED: usize = 8;

/// The name of the session cookie and the keys that open it, the current one first.
#[derive(Clone)]
pub struct CookieKeys {
    name: &'static str,
    keys: Arc<[Key]>,
    max_age: Duration,
}

impl CookieKeys {
    pub(super) fn new(name: &'static str, keys: Vec<Key>, max_age: Duration) -> Self {
        Self {
            name,
            keys: keys.into(),
            max_age,
        }
    }

    pub(super) fn current(&self) -> Key {
        // A configuration without a key does not get this far; a random one locks everybody
        // out instead of letting anybody in.
        self.keys.first().cloned().unwrap_or_else(Key::generate)
    }

    fn open(&self, value: &str) -> Option<(usize, Cookie<'static>)> {
        self.keys.iter().enumerate().find_map(|(at, key)| {
            let mut jar = CookieJar::new();
            jar.add_original(Cookie::new(self.name, value.to_owned()));
            jar.private(key).get(self.name).map(|cookie| (at, cookie))
        })
    }

    fn seal(&self, cookie: Cookie<'static>) -> Option<Cookie<'static>> {
        let mut jar = CookieJar::new();
        jar.private_mut(self.keys.first()?).add(cookie);
        jar.get(self.name).cloned()
    }
}

/// Middleware to be wrapped around actix-session's.
///
/// # Errors
/// Those of the inner service.
pub async fn pick_session_cookie(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let keys = request.app_data::<web::Data<CookieKeys>>().cloned();
    let name = keys.as_ref().map(|keys| keys.name);
    let resealed = keys.and_then(|keys| pick(&keys, request.headers_mut()));
    let brief = Brief::default();
    request.extensions_mut().insert(brief.clone());
    let mut response = next.call(request).await?;
    if let Some(cookie) = resealed {
        let name = format!("{}=", cookie.name());
        let mut set = response.headers().get_all(SET_COOKIE);
        let newer = set.any(|value| value.as_bytes().starts_with(name.as_bytes()));
        let value = HeaderValue::from_str(&cookie.encoded().to_string());
        if let (false, Ok(value)) = (newer, value) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    if let Some(name) = name.filter(|_| brief.0.get()) {
        forget_with_browser(name, response.headers_mut());
    }
    Ok(response)
}

/// Takes out of a session cookie how long it is to be kept, so that the browser forgets it when it
/// is closed. A cookie that is being removed stays as it is.
fn forget_with_browser(name: &str, headers: &mut HeaderMap) {
    let set: Vec<HeaderValue> = headers.get_all(SET_COOKIE).cloned().collect();
    headers.remove(SET_COOKIE);
    for value in set {
        let cookie = value
            .to_str()
            .ok()
            .and_then(|text| Cookie::parse(text).ok());
        let kept = cookie.filter(|cookie| {
            cookie.name() == name && cookie.max_age().is_some_and(|age| age > Duration::ZERO)
        });
        let brief = kept.and_then(|mut cookie| {
            cookie.set_max_age(None);
            cookie.unset_expires();
            HeaderValue::from_str(&cookie.to_string()).ok()
        });
        headers.append(SET_COOKIE, brief.unwrap_or(value));
    }
}

/// Leaves at most one session cookie in the request, one that the current key opens. Returns it
/// when the browser must be told, because an older key had sealed it.
fn pick(keys: &CookieKeys, headers: &mut HeaderMap) -> Option<Cookie<'static>> {
    let sent: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .collect();
    let pairs: Vec<String> = sent.iter().filter_map(|pair| readable(pair)).collect();
    let ours = |pair: &String| name_of(pair) == keys.name;
    let candidates = pairs.iter().filter(|pair| ours(pair)).count();
    // The usual case needs no work: one cookie, and no key but the current one.
    if candidates <= 1 && (candidates == 0 || keys.keys.len() == 1) && pairs.len() == sent.len() {
        return None;
    }
    let opened = pairs
        .iter()
        .filter(|pair| ours(pair))
        .take(MOST_TRIED)
        .filter_map(|pair| Cookie::parse_encoded(pair.clone()).ok())
        .find_map(|cookie| keys.open(cookie.value()));
    let mut kept: Vec<String> = pairs.iter().filter(|pair| !ours(pair)).cloned().collect();
    let picked = opened.and_then(|(at, cookie)| Some((at, keys.seal(cookie)?)));
    if let Some((_, cookie)) = &picked {
        kept.push(
            Cookie::new(keys.name, cookie.value().to_owned())
                .encoded()
                .to_string(),
        );
    }
    headers.remove(COOKIE);
    // Not `from_str`, which takes ASCII only.
    if let Ok(value) = HeaderValue::from_bytes(kept.join("; ").as_bytes()) {
        headers.insert(COOKIE, value);
    }
    let (at, mut cookie) = picked?;
    if at == 0 {
        return None;
    }
    cookie.set_path("/");
    cookie.set_max_age(keys.max_age);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(keys.name.starts_with("__Host-"));
    Some(cookie)
}

/// A pair that actix-web reads as we do. Text that is not UTF-8 makes it overlook the whole
/// header. It also unescapes names, so that `%5F_Host-…`, which any sub-domain may set, would
/// pass for a name with the `__Host-` prefix, which none may.
fn readable(pair: &[u8]) -> Option<String> {
    let pair = std::str::from_utf8(pair).ok()?.trim();
    (!name_of(pair).contains('%')).then(|| pair.to_owned())
}

fn name_of(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed_with(key: &Key) -> String {
        let keys = CookieKeys::new("s", vec![key.clone()], Duration::HOUR);
        let cookie = keys.seal(Cookie::new("s", "state")).unwrap();
        cookie.stripped().encoded().to_string()
    }

    fn header(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(text).unwrap());
        headers
    }

    fn opens(keys: &CookieKeys, headers: &HeaderMap) -> bool {
        let text = headers.get(COOKIE).unwrap().to_str().unwrap();
        let session = text.split("; ").find(|pair| pair.starts_with("s="));
        session.is_some_and(|pair| {
            let cookie = Cookie::parse_encoded(pair.to_owned()).unwrap();
            keys.open(cookie.value()).is_some_and(|(at, _)| at == 0)
        })
    }

    // SE-11
    #[test]
    fn a_cookie_of_an_older_key_is_sealed_anew() {
        let (old, new) = (Key::generate(), Key::generate());
        let keys = CookieKeys::new("s", vec![new.clone(), old.clone()], Duration::HOUR);
        let mut headers = header(&format!("a=1; {}", sealed_with(&old)));
        assert!(pick(&keys, &mut headers).is_some());
        assert!(opens(&keys, &headers));
        let only_new = CookieKeys::new("s", vec![new.clone(), Key::generate()], Duration::HOUR);
        let mut headers = header(&format!("a=1; {}", sealed_with(&old)));
        assert!(pick(&only_new, &mut headers).is_none());
        assert_eq!(headers.get(COOKIE).unwrap(), "a=1");
        let mut headers = header(&sealed_with(&new));
        assert!(
            pick(&keys, &mut headers).is_none(),
            "the current key needs no new cookie"
        );
        assert!(opens(&keys, &headers));
    }

    // SE-1
    #[test]
    fn a_brief_cookie_says_everything_but_how_long_it_is_kept() {
        let mut headers = HeaderMap::new();
        let others = ["t=1; Path=/; Max-Age=9", "s=; Path=/; Max-Age=0"];
        for text in ["s=a%2Bb; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"]
            .iter()
            .chain(&others)
        {
            headers.append(SET_COOKIE, HeaderValue::from_str(text).unwrap());
        }
        forget_with_browser("s", &mut headers);
        let texts: Vec<&str> = headers
            .get_all(SET_COOKIE)
            .map(|value| value.to_str().unwrap())
            .collect();
        assert_eq!(texts[0], "s=a%2Bb; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert_eq!(texts[1..], others);
    }

    // SE-9
    #[test]
    fn junk_in_front_of_the_real_cookie_does_not_hide_it() {
        let key = Key::generate();
        let keys = CookieKeys::new("s", vec![key.clone()], Duration::HOUR);
        let mut headers = header(&format!("s=junk; s=; {}; b=2", sealed_with(&key)));
        pick(&keys, &mut headers);
        assert!(opens(&keys, &headers));
        assert!(
            headers
                .get(COOKIE)
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("b=2; s=")
        );
    }

    // SE-1, SE-9
    #[test]
    fn a_name_that_unescapes_to_ours_is_not_ours_and_odd_bytes_hide_nothing() {
        let key = Key::generate();
        let name = "__Host-s";
        let keys = CookieKeys::new(name, vec![key], Duration::HOUR);
        let sealed = keys.seal(Cookie::new(name, "state")).unwrap();
        let real = sealed.stripped().encoded().to_string();
        let (_, value) = real.split_once('=').unwrap();
        let mut planted = header(&format!("a=1; %5F_Host-s={value}; b=2"));
        pick(&keys, &mut planted);
        assert_eq!(planted.get(COOKIE).unwrap(), "a=1; b=2");
        let mut odd = HeaderMap::new();
        let bytes = [b"c=\xb1\xe8; d=\xed\x95\x9c; ".as_slice(), real.as_bytes()].concat();
        odd.insert(COOKIE, HeaderValue::from_bytes(&bytes).unwrap());
        pick(&keys, &mut odd);
        let text = std::str::from_utf8(odd.get(COOKIE).unwrap().as_bytes()).unwrap();
        let (before, kept) = text.rsplit_once("; ").unwrap();
        assert_eq!(before, "d=한");
        let kept = Cookie::parse_encoded(kept).unwrap();
        assert!(keys.open(kept.value()).is_some());
    }
}
