//! XML that is made to cost much, or to say something else than it seems to.

use super::apart;
use super::targets::soap;
use lockstep::connector::salesforce::outbound::parse;

fn message(before: &str, attributes: &str, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>{before}<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <e:Body><notifications xmlns=\"http://soap.sforce.com/2005/09/outbound\"{attributes}>\
         <OrganizationId>00D5f000000SAND</OrganizationId><Notification><sObject><Id>00Q5f000005bwLF</Id>{inside}</sObject>\
         </Notification></notifications></e:Body></e:Envelope>"
    )
}

/// Entities of which each names the one before ten times.
fn laughs(parameter: bool) -> String {
    let percent = if parameter { "% " } else { "" };
    let mark = if parameter { '%' } else { '&' };
    let one = |n: usize| format!("<!ENTITY {percent}l{n} \"{}\">", format!("{mark}l{};", n - 1).repeat(10));
    format!("<!DOCTYPE e [<!ENTITY {percent}l0 \"ha\">{}]>", (1..12).map(one).collect::<String>())
}

#[test]
fn no_outbound_message_makes_it_panic_hang_or_grow() {
    apart!(no_outbound_message_makes_it_panic_hang_or_grow, 128, || {
        let field = |text: &str| message("", "", &format!("<Status>{text}</Status>"));
        parse(field("New").as_bytes()).expect("the message itself is good");
        let many = |count: usize, of: &dyn Fn(usize) -> String| (0..count).map(of).collect::<String>();
        let refused = [
            message("<!DOCTYPE e [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>", "", "&x;"),
            message("<!DOCTYPE e [<!ENTITY x SYSTEM \"http://127.0.0.1/\">]>", "", "&x;"),
            message("<!DOCTYPE e [<!ENTITY % x SYSTEM \"http://127.0.0.1/\">%x;]>", "", ""),
            message("<!DOCTYPE e SYSTEM \"http://127.0.0.1/e.dtd\">", "", ""),
            message(&laughs(false), "", "&l11;"),
            message(&laughs(true), "", ""),
            message(
                &format!("<!DOCTYPE e [<!ENTITY x \"{}\">]>", "x".repeat(100_000)),
                "",
                &"&x;".repeat(100_000),
            ),
            field("&undeclared;"),
            field(&"<a>".repeat(100_000)),
            message("", "", &"<a/>".repeat(200_000)),
            message("", "", "<Id>00Q5f000005bwLF</Id>"),
            message("", "", "</sObject>"),
            field("New").replace("00Q5f000005bwLF", "<![CDATA[]]>"),
            field("New").replace("2005/09/outbound", "2005/09/Outbound"),
            field("New").replace("xmlns:e=", "xmlns:f="),
            field("New").replace("<sObject>", "<sObject/>").replace("</sObject>", ""),
        ];
        for text in &refused {
            let beginning: String = text.chars().take(300).collect();
            assert!(parse(text.as_bytes()).is_err(), "{beginning}");
        }
        let borne = [
            message("", &many(200_000, &|n| format!(" a{n}=\"\"")), ""),
            message("", &" a=\"\"".repeat(200_000), ""),
            message("", &many(200_000, &|n| format!(" xmlns:n{n}=\"u{n}\"")), ""),
            message("", "", &many(10_000, &|n| format!("<n{n}:a xmlns:n{n}=\"u\"/>"))),
            field(&"&#38;".repeat(200_000)),
            field("&#x110000;&#0;&#99999999999999999999;"),
            field(&format!("<!--{}-->", "-".repeat(1_000_000))),
            field(&format!("<![CDATA[{}]]>", "]]".repeat(500_000))),
            field(&format!("<?{}?>", "?".repeat(1_000_000))),
            message("", &format!(" a=\"{}\"", "<".repeat(1_000_000)), ""),
            "<".repeat(1_000_000),
            format!("<{}", "a:".repeat(500_000)),
        ];
        borne.iter().for_each(|text| soap::run(text.as_bytes()));
        let good = field("New");
        let wide: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(parse(&wide).is_err());
        for end in 0..good.len() {
            assert!(parse(&good.as_bytes()[..end]).is_err(), "cut at {end}");
        }
    });
}
