//! The files the emulator's pages refer to, and the pictures of its people.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Path;

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

/// `GET /pictures/<name>-<size>.svg`: a face in a colour of the name's own, which any site may
/// embed.
pub(super) async fn picture(name: Path<String>) -> HttpResponse {
    let parts = name
        .strip_suffix(".svg")
        .and_then(|name| name.rsplit_once('-'));
    let Some((name, size @ ("110" | "640"))) = parts else {
        return HttpResponse::NotFound().finish();
    };
    let hue = name.bytes().fold(7_u32, |hue, byte| {
        hue.wrapping_mul(31).wrapping_add(u32::from(byte))
    }) % 360;
    let saturation = if name == "default" { 0 } else { 45 };
    let drawing = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 64 64">
<rect width="64" height="64" fill="hsl({hue},{saturation}%,42%)"/>
<circle cx="32" cy="25" r="11" fill="#f4f4f4"/>
<path d="M10 64a22 22 0 0 1 44 0z" fill="#f4f4f4"/>
</svg>
"##
    );
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((CACHE_CONTROL, "max-age=3600"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .body(drawing)
}
