//! Rows of bulk jobs that no spreadsheet should see.

use super::apart;
use super::targets::csv;

const HEADER: &str = "Id,IsDeleted,MasterRecordId,LastModifiedDate,LastModifiedById,SystemModstamp,IsConverted,\
                      ConvertedContactId,Status,HasOptedOutOfEmail,sf__Id,sf__Error";
const ROW: &str = "00Q5f000005bwLFEAY,false,,2026-11-23T06:01:00.000Z,0055f000000PERSAA4,2026-11-23T06:01:00.000Z,false,,\
                   New,false,00Q5f000005bwLFEAY,X:m:Status--";

#[test]
fn no_rows_of_a_job_make_it_panic_hang_or_grow() {
    apart!(no_rows_of_a_job_make_it_panic_hang_or_grow, 256, || {
        let good = format!("{HEADER}\n{ROW}\n");
        let mut all: Vec<Vec<u8>> = [
            good.clone(),
            good.replace('\n', "\r"),
            good.replace('\n', "\r\n"),
            good.replace(',', ";"),
            good.replace("New", "=cmd|' /C calc'!A0"),
            good.replace("New", "\"a\"\"b\n,c\""),
            good.replace("New", "\"never closed"),
            good.replace("New", "\"a\"b\"c"),
            good.replace("New", "\0"),
            good.replace("New", "#N/A"),
            good.replace("New", ""),
            good.replace("Status", "status"),
            good.replace("Status", "Id"),
            good.replace("Status", ""),
            good.replace("X:m:Status--", ":::--"),
            good.replace("X:m:Status--", "--"),
            format!("\u{feff}{good}"),
            format!("{HEADER}\n{ROW},more\n"),
            format!("{HEADER}\n00Q5f000005bwLFEAY\n"),
            HEADER.to_owned(),
            String::new(),
            "\n\n\n".to_owned(),
            "\"".to_owned(),
            "\"".repeat(1_000_000),
            ",".repeat(1_000_000),
            "x".repeat(5_000_000),
            format!("{HEADER}\n{}", format!("{ROW}\n").repeat(20_000)),
            format!("{HEADER}\n{}", ROW.replace("New", &"x".repeat(4_000_000))),
            format!("{HEADER}\n{}", "\n,".repeat(500_000)),
        ]
        .map(String::into_bytes)
        .into();
        all.push(good.encode_utf16().flat_map(u16::to_le_bytes).collect());
        all.push(b"Id,Status\n\xff\xfe,\xff\n".to_vec());
        all.iter().for_each(|rows| csv::run(rows));
        (0..good.len()).for_each(|end| csv::run(&good.as_bytes()[..end]));
    });
}
