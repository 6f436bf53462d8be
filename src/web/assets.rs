//! The style sheet, the script and the icon, compiled in.
//!
//! The build script compresses every file under `static/` once and names it after its content, so
//! a browser may keep it for ever and a changed file has a new address.

use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_TYPE, ContentEncoding, Encoding, Preference, Quality,
    QualityItem, VARY,
};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};

use super::Problem;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file under `static/` in every form it can be sent in.
#[derive(Debug)]
pub struct Asset {
    /// The address with the hash of the content: `/static/app.3f9c2a1b.css`.
    pub path: &'static str,
    /// The `Content-Type` to send it with.
    pub content_type: &'static str,
    /// The file as it is.
    pub identity: &'static [u8],
    /// The file in Brotli (RFC 7932), if that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// The file in gzip (RFC 1952), if that is smaller.
    pub gzip: Option<&'static [u8]>,
}

/// The address of the style sheet.
#[must_use]
pub fn css() -> &'static str {
    APP_CSS
}

/// The address of what the administration's pages look like beside that.
#[must_use]
pub fn admin_css() -> &'static str {
    ADMIN_CSS
}

/// The address of the script.
#[must_use]
pub fn script() -> &'static str {
    APP_JS
}

/// The address of the icon.
#[must_use]
pub fn icon() -> &'static str {
    ICON_SVG
}

/// Serves `/static/…`, and `/favicon.ico` for whoever asks for it without reading a page. An
/// unknown name is a bare 404 for the error pages to dress.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/static/{name:.*}")
            .route(web::get().to(hashed_file))
            .route(web::head().to(hashed_file))
            .default_service(web::to(read_only)),
    );
    config.service(
        web::resource("/favicon.ico")
            .route(web::get().to(favicon))
            .route(web::head().to(favicon))
            .default_service(web::to(read_only)),
    );
}

async fn read_only() -> Result<HttpResponse, Problem> {
    Err(Problem::method("GET, HEAD".to_owned()))
}

async fn hashed_file(request: HttpRequest) -> HttpResponse {
    match find(request.path()) {
        Some(asset) => respond(asset, &request, "public, max-age=31536000, immutable"),
        None => HttpResponse::NotFound().finish(),
    }
}

/// The icon under the one address that cannot carry a hash, hence kept for a day only.
async fn favicon(request: HttpRequest) -> HttpResponse {
    match find(icon()) {
        Some(asset) => respond(asset, &request, "public, max-age=86400"),
        None => HttpResponse::NotFound().finish(),
    }
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

fn respond(asset: &Asset, request: &HttpRequest, cache_control: &'static str) -> HttpResponse {
    let accepted = request.get_header::<AcceptEncoding>();
    let (encoding, body) = negotiate(asset, accepted.as_ref());
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, asset.content_type))
        .insert_header((CACHE_CONTROL, cache_control))
        .insert_header((VARY, "Accept-Encoding"));
    if let Some(encoding) = encoding {
        response.insert_header(encoding);
    }
    response.body(body)
}

/// The form the browser likes best, the smallest among equals (RFC 9110 section 12.5.3). The
/// plain file when it accepts none of ours: it can refuse even that, but nobody means it.
fn negotiate(
    asset: &Asset,
    accepted: Option<&AcceptEncoding>,
) -> (Option<ContentEncoding>, &'static [u8]) {
    let accepted = accepted.map_or(&[][..], |accepted| &accepted.0);
    let plain = quality(accepted, ContentEncoding::Identity).unwrap_or(Quality::ZERO);
    let liked = |encoding| {
        quality(accepted, encoding)
            .or_else(|| quality_of_others(accepted))
            .filter(|quality| *quality > Quality::ZERO && *quality >= plain)
    };
    let brotli = asset.brotli.zip(liked(ContentEncoding::Brotli));
    let gzip = asset.gzip.zip(liked(ContentEncoding::Gzip));
    match (brotli, gzip) {
        (Some((_, brotli)), Some((body, gzip))) if gzip > brotli => {
            (Some(ContentEncoding::Gzip), body)
        }
        (Some((body, _)), _) => (Some(ContentEncoding::Brotli), body),
        (None, Some((body, _))) => (Some(ContentEncoding::Gzip), body),
        (None, None) => (None, asset.identity),
    }
}

/// The quality given to an encoding by name.
fn quality(
    accepted: &[QualityItem<Preference<Encoding>>],
    encoding: ContentEncoding,
) -> Option<Quality> {
    let named = Preference::Specific(Encoding::Known(encoding));
    accepted
        .iter()
        .find(|preference| preference.item == named)
        .map(|preference| preference.quality)
}

/// The quality given to every encoding not named, by `*`.
fn quality_of_others(accepted: &[QualityItem<Preference<Encoding>>]) -> Option<Quality> {
    accepted
        .iter()
        .find(|preference| preference.item == Preference::Any)
        .map(|preference| preference.quality)
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::http::header::CONTENT_ENCODING;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, dev::ServiceResponse};

    use super::*;

    async fn ask(method: Method, path: &str, accept: Option<&str>) -> ServiceResponse {
        let app = init_service(App::new().configure(routes)).await;
        let mut request = TestRequest::with_uri(path).method(method);
        if let Some(accept) = accept {
            request = request.insert_header(("accept-encoding", accept));
        }
        call_service(&app, request.to_request()).await
    }

    fn header<'a>(response: &'a ServiceResponse, name: &str) -> Option<&'a str> {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap())
    }

    #[actix_web::test]
    async fn the_form_sent_is_the_smallest_the_browser_likes_best() {
        let cases = [
            (Some("gzip, deflate, br, zstd"), Some("br")),
            (Some("gzip, deflate"), Some("gzip")),
            (Some("br;q=0.5, gzip;q=0.9"), Some("gzip")),
            (Some("br;q=0, gzip"), Some("gzip")),
            (Some("br;q=0, *"), Some("gzip")),
            (Some("*"), Some("br")),
            (Some("identity, br;q=0.1"), None),
            (Some("identity;q=0, *;q=0"), None),
            (Some("br;q=0, gzip;q=0"), None),
            (Some("nonsense;;"), None),
            (Some(""), None),
            (None, None),
        ];
        for (accept, expected) in cases {
            let response = ask(Method::GET, css(), accept).await;
            assert_eq!(
                header(&response, CONTENT_ENCODING.as_str()),
                expected,
                "{accept:?}"
            );
            assert_eq!(header(&response, "vary"), Some("Accept-Encoding"));
            let asset = find(css()).unwrap();
            let body = match expected {
                Some("br") => asset.brotli.unwrap(),
                Some("gzip") => asset.gzip.unwrap(),
                _ => asset.identity,
            };
            assert_eq!(read_body(response).await, body);
        }
    }

    #[actix_web::test]
    async fn every_file_has_its_type_and_is_kept_for_ever_under_its_own_name() {
        for asset in ASSETS {
            let response = ask(Method::GET, asset.path, None).await;
            assert_eq!(header(&response, "content-type"), Some(asset.content_type));
            let kept = "public, max-age=31536000, immutable";
            assert_eq!(header(&response, "cache-control"), Some(kept));
            assert_eq!(read_body(response).await, asset.identity);
        }
        assert!(css().starts_with("/static/app.") && css().ends_with(".css"));
        assert_eq!(css().len(), "/static/app.3f9c2a1b.css".len());
    }

    #[actix_web::test]
    async fn the_favicon_is_the_icon_and_is_kept_for_a_day() {
        let response = ask(Method::GET, "/favicon.ico", None).await;
        assert_eq!(header(&response, "content-type"), Some("image/svg+xml"));
        assert_eq!(
            header(&response, "cache-control"),
            Some("public, max-age=86400")
        );
        assert_eq!(read_body(response).await, find(icon()).unwrap().identity);
    }

    #[actix_web::test]
    async fn unknown_names_are_404_and_other_methods_405() {
        for path in [
            "/static/app.css",
            "/static/",
            "/static/../Cargo.toml",
            "/static/%00",
        ] {
            assert_eq!(ask(Method::GET, path, None).await.status(), 404, "{path}");
        }
        assert_eq!(ask(Method::HEAD, css(), None).await.status(), 200);
        assert_eq!(ask(Method::HEAD, "/favicon.ico", None).await.status(), 200);
        assert_eq!(ask(Method::POST, css(), None).await.status(), 405);
    }

    #[test]
    fn the_first_visit_stays_within_its_byte_budget() {
        // Brotli sizes; the page itself has the rest of the 25 KB.
        for (path, budget) in [(css(), 5 * 1024), (script(), 2 * 1024), (icon(), 1024)] {
            assert!(
                find(path).unwrap().brotli.unwrap().len() <= budget,
                "{path}"
            );
        }
    }
}
