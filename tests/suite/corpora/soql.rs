//! Queries for the sandbox's org that are long, deep, or hard to match.

use super::apart;
use super::targets::soql;

#[test]
fn no_query_makes_the_sandbox_panic_hang_or_grow() {
    apart!(no_query_makes_the_sandbox_panic_hang_or_grow, 128, || {
        let where_ = |condition: String| format!("SELECT Id FROM Lead WHERE {condition}");
        let any_of = (0..9_000).map(|n| format!("'{n}'")).collect::<Vec<_>>().join(",");
        for query in [
            where_(format!("{}Id = null{}", "(".repeat(45_000), ")".repeat(45_000))),
            where_("NOT ".repeat(24_000) + "Id = null"),
            where_("(".repeat(99_000)),
            where_(vec!["Id = 'x'"; 7_000].join(" OR ")),
            where_(vec!["Id != 'x'"; 7_000].join(" AND ")),
            where_(format!("Id IN ({any_of})")),
            where_(format!("LastName LIKE '{}b'", "%o".repeat(4_000))),
            where_(format!("LastName LIKE '{}'", "_%".repeat(4_000))),
            where_(format!("LastName LIKE '{}'", "\\\\%".repeat(4_000))),
            where_("SystemModstamp >= 9999-12-31T23:59:59Z".to_owned()),
            where_("SystemModstamp > -009999-01-01T00:00:00Z".to_owned()),
            where_("SystemModstamp = 2026-02-30T25:61:61+99:99".to_owned()),
            where_("Id = 1e400 OR Id = NaN OR Id = -inf".to_owned()),
            where_("Id = '\u{0}\u{202e}\u{10ffff}'".to_owned()),
            where_("Id = '\\".to_owned()),
            where_("Id = '\\u0041'".to_owned()),
            format!("SELECT {} FROM Lead", vec!["Id"; 20_000].join(",")),
            format!("SELECT Id FROM Lead ORDER BY {}", vec!["Id DESC NULLS LAST"; 4_000].join(",")),
            "SELECT Id FROM Lead LIMIT 18446744073709551615 OFFSET 18446744073709551615".to_owned(),
            "SELECT Id FROM Lead LIMIT -1".to_owned(),
            "SELECT COUNT() FROM LeadHistory WHERE LeadId IN ('00Q5f000005bwLF')".to_owned(),
            "SELECT Field FROM ContactHistory ORDER BY Field DESC OFFSET 1".to_owned(),
            "SELECT Nobody__c, é FROM Lead".to_owned(),
            "SELECT Id FROM User WHERE (Id = 'x' OR NOT Name LIKE '%_') AND Username NOT IN ('')".to_owned(),
            "x".repeat(200_000),
            "'".repeat(99_999),
        ] {
            soql::run(query.as_bytes());
        }
    });
}
