//! Rows as CSV, in both directions.

/// What was uploaded.
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads an upload. Line breaks must be the job's: a CRLF file in an LF job fails.
    pub(super) fn read(bytes: &[u8], line_ending: &str) -> Result<Table, String> {
        let has_returns = bytes.windows(2).any(|two| two == b"\r\n");
        if has_returns != (line_ending == "CRLF") && bytes.contains(&b'\n') {
            return Err(format!(
                "LineEnding is invalid on user data. Current LineEnding setting is {line_ending}"
            ));
        }
        let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
        let columns = reader.headers().map_err(|error| error.to_string())?;
        let columns = columns.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for row in reader.records() {
            rows.push(row.map_err(|error| error.to_string())?.iter().map(str::to_owned).collect());
        }
        Ok(Table { columns, rows })
    }
}

/// Every cell in quotation marks, as Salesforce writes them.
pub(super) fn write(columns: &[String], rows: &[Vec<String>], returns: bool) -> Vec<u8> {
    let terminator = if returns { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .terminator(terminator)
        .from_writer(Vec::new());
    // Into memory, nothing can fail.
    let _ = writer.write_record(columns);
    for row in rows {
        let _ = writer.write_record(row);
    }
    writer.into_inner().unwrap_or_default()
}
