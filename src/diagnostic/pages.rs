//! The page of each code: what `lockstep help M012` prints.

macro_rules! pages {
    ($($code:literal)*) => {
        /// Every code with its page, as Markdown, in the order of the codes. Mistakes in the mapping begin with M, those
        /// in the configuration with C.
        pub const PAGES: &[(&str, &str)] =
            &[$(($code, include_str!(concat!("../../docs/codes/", $code, ".md")))),*];
    };
}

pages! {
    "C001" "C002" "C003" "C004" "C005" "C006" "C007" "C008"
    "C009" "C011" "C012" "C013" "C014" "M001" "M002" "M003"
    "M004" "M005" "M006" "M007" "M008" "M009" "M010" "M011"
    "M012" "M013" "M014" "M015" "M016" "M017" "M019"
    "M020" "M021" "M022" "M023" "M024" "M025" "M026" "M027"
    "M028" "M029" "M030" "M031" "M032" "M033" "M034" "M035"
    "M036" "M037" "M038" "M039" "M040" "M041" "M042" "M043"
    "M044" "M045" "M046" "M047" "M048" "M049" "M050" "M051"
    "M052" "M053" "M054" "M055" "M056" "M057" "M058" "M059"
    "M060" "M061"
}

/// The page of a code, in any case.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

/// What a page is called: its first line, without the mark of a heading.
pub fn title(page: &'static str) -> &'static str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}
