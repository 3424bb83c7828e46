//! The pages that the browser shows. Nothing of what was brought stands in them.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

/// A plain page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page(StatusCode, &'static str);

pub(super) const WELL: Page =
    Page(StatusCode::OK, "Lockstep is signed in to Salesforce. You can close this window.");
pub(super) const FAILED: Page =
    Page(StatusCode::BAD_GATEWAY, "Lockstep could not sign in. The terminal says why.");
pub(super) const REFUSED: Page =
    Page(StatusCode::FORBIDDEN, "Access was not allowed. Nothing was changed. You can close this window.");
pub(super) const NOT_OURS: Page = Page(
    StatusCode::BAD_REQUEST,
    "This is no answer to the login that waits. Open the address that the terminal shows.",
);
pub(super) const TAKEN: Page =
    Page(StatusCode::CONFLICT, "This login has been answered already. The terminal says how it went.");
pub(super) const NOTHING: Page = Page(StatusCode::NOT_FOUND, "There is nothing here.");

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/plain; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            (CONTENT_SECURITY_POLICY, "default-src 'none'"),
            // The page's address holds the code.
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CONNECTION, "close"),
        ];
        (self.0, headers, format!("{}\n", self.1)).into_response()
    }
}
