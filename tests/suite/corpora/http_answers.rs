//! Answers whose status and headers are not what they should be.

use super::apart;
use super::targets::{csv, engage_answer, salesforce_answer};

#[test]
fn no_status_and_no_header_makes_a_connector_panic_or_hang() {
    apart!(no_status_and_no_header_makes_a_connector_panic_or_hang, 128, || {
        let bodies = [
            "",
            "{}",
            "[]",
            "<html><title>Sign in</title></html>",
            "{\"done\":true",
            "{\"error\":\"invalid_grant\"}",
            "[{\"errorCode\":\"INVALID_SESSION_ID\",\"message\":\"m\"}]",
            "{\"statusCode\":\"UNABLE_TO_LOCK_ROW\"}",
        ];
        let headers = [
            "Date: Mon, 99 Nov 2026 06:10:00 GMT",
            "Date: Fri, 31 Dec 9999 23:59:59 GMT",
            "Date: \u{fffd}",
            "Sforce-Limit-Info: api-usage=18446744073709551616/0",
            "Sforce-Limit-Info: api-usage=-1/-1",
            "Sforce-Limit-Info: =/=",
            "Retry-After: -1",
            "Retry-After: 99999999999999999999",
            "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT",
            "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 9223372036854775807",
            "X-RateLimit-Reset: -9223372036854775808",
            "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1",
            "Sforce-Locator: null",
            "Sforce-Locator: \u{0}",
            "Location: //x",
        ];
        for status in [
            100, 200, 201, 204, 206, 300, 302, 304, 400, 401, 403, 404, 409, 412, 418, 420, 429, 500, 502,
            503, 999,
        ] {
            for body in bodies {
                for header in headers {
                    let answer = format!("{status}\n{header}\n\n{body}");
                    engage_answer::run(answer.as_bytes());
                    salesforce_answer::run(answer.as_bytes());
                    csv::run(answer.as_bytes());
                }
            }
        }
    });
}
