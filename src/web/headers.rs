//! Headers that every answer carries, errors included (WB-1).

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};

use super::Site;

/// Adds what is not there yet.
pub(super) fn secure(site: &Site, request_id: &str, headers: &mut HeaderMap) {
    let mut add = |name: HeaderName, value: &str| {
        if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    add(CONTENT_SECURITY_POLICY, &site.content_security_policy);
    add(X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(REFERRER_POLICY, "same-origin");
    add(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    add(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    add(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    add(HeaderName::from_static("x-request-id"), request_id);
    if site.public_url.is_https() {
        add(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    // Pages depend on who asks and are nobody else's; only what says otherwise may be kept.
    add(CACHE_CONTROL, "no-store");
    add(VARY, "Cookie, Accept-Language");
}
