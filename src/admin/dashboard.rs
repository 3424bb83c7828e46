//! `GET /`: the dashboard. Its files are part of the program, the same for everybody, and hold no data: whoever may not
//! ask the API sees an empty page. It needs nothing of the internet.

use super::operations::Daemon;
use axum::Router;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal $kind:ident $file:literal;)*) => {
        /// Path, kind and text of each.
        const FILES: &[(&str, &str, &str)] = &[$(($path, $kind, include_str!(concat!("dashboard/", $file)))),*];
    };
}

files! {
    "/" HTML "index.html";
    "/dashboard/style.css" STYLE "style.css";
    "/dashboard/parts.css" STYLE "parts.css";
    "/dashboard/icon.svg" IMAGE "icon.svg";
    "/dashboard/main.js" SCRIPT "main.js";
    "/dashboard/api.js" SCRIPT "api.js";
    "/dashboard/dom.js" SCRIPT "dom.js";
    "/dashboard/health.js" SCRIPT "health.js";
    "/dashboard/changes.js" SCRIPT "changes.js";
    "/dashboard/mapping.js" SCRIPT "mapping.js";
    "/dashboard/waiting.js" SCRIPT "waiting.js";
    "/dashboard/person.js" SCRIPT "person.js";
    "/dashboard/session.js" SCRIPT "session.js";
    "/dashboard/theme.js" SCRIPT "theme.js";
    "/dashboard/words.js" SCRIPT "words.js";
}

/// Whether a path is one of the dashboard's own files.
pub fn is_file(path: &str) -> bool {
    FILES.iter().any(|(known, ..)| *known == path)
}

pub fn router() -> Router<Arc<dyn Daemon>> {
    FILES.iter().fold(Router::new(), |router, &(path, kind, text)| {
        router.route(path, get(move || std::future::ready((headers(kind), text).into_response())))
    })
}

fn headers(kind: &'static str) -> [(HeaderName, &'static str); 4] {
    [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
    ]
}
