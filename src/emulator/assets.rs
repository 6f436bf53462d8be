//! The files the emulator's pages refer to, and the pictures of its people.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Path, block};

use super::picture::{self, SIZES};

/// `GET /emulator/style.css`
pub(super) async fn style() -> HttpResponse {
    file(
        "text/css; charset=utf-8",
        include_str!("../../templates/emulator/style.css"),
    )
}

/// `GET /emulator/consent.js`: keeps 전체 동의 and the single items in step; the page works
/// without it.
pub(super) async fn consent_script() -> HttpResponse {
    file(
        "text/javascript; charset=utf-8",
        include_str!("../../templates/emulator/consent.js"),
    )
}

fn file(content_type: &str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(content)
}

/// `GET /pictures/<name>-<size>.png`: a figure on a colour of the name's own, which any site may
/// embed.
pub(super) async fn picture(name: Path<String>) -> HttpResponse {
    let asked = name
        .strip_suffix(".png")
        .and_then(|name| name.rsplit_once('-'));
    let sized = asked.and_then(|(name, size)| {
        let is_asked = |known: &u32| known.to_string() == size;
        Some((name.to_owned(), SIZES.into_iter().find(is_asked)?))
    });
    let Some((name, size)) = sized else {
        return HttpResponse::NotFound().finish();
    };
    let Ok(drawing) = block(move || picture::png(&name, size)).await else {
        return HttpResponse::InternalServerError().finish();
    };
    HttpResponse::Ok()
        .content_type("image/png")
        .insert_header((CACHE_CONTROL, "max-age=3600"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .body(drawing)
}
