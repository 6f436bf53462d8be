//! Tables as files that spreadsheet programs open (RFC 4180).

/// What a file begins with, so that programs read it as UTF-8 whatever the machine is set to.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Rows as lines of a file: cells in quotes where they need them, and none that is a formula.
///
/// # Errors
/// Rows of different lengths.
pub(super) fn lines<Row>(rows: impl IntoIterator<Item = Row>) -> Result<Vec<u8>, csv::Error>
where
    Row: IntoIterator<Item = String>,
{
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.into_iter().map(harmless))?;
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

/// A cell that would be a formula to a spreadsheet program begins with an apostrophe instead.
/// Full-width signs count: some programs take them for the others.
fn harmless(cell: String) -> String {
    const SIGNS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if cell.trim_start_matches(' ').starts_with(SIGNS) {
        return format!("'{cell}");
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    // AD-7
    #[test]
    fn no_cell_is_a_formula_and_every_cell_can_be_read_back() {
        for (cells, expected) in [
            (vec!["1", "홍*동", ""], "1,홍*동,\r\n"),
            (vec!["a,b", "say \"x\""], "\"a,b\",\"say \"\"x\"\"\"\r\n"),
            (vec!["two\r\nlines"], "\"two\r\nlines\"\r\n"),
            (vec!["=1+1", "+82", "-1", "@a"], "'=1+1,'+82,'-1,'@a\r\n"),
            (vec!["\tx", "  =1", "＝1"], "'\tx,'  =1,'＝1\r\n"),
            (vec!["\r=1"], "\"'\r=1\"\r\n"),
            (vec!["\n=1"], "\"'\n=1\"\r\n"),
            (vec!["=\"a\",b"], "\"'=\"\"a\"\",b\"\r\n"),
            (vec!["a=b"], "a=b\r\n"),
        ] {
            let written = lines([cells.iter().map(|cell| (*cell).to_owned())]).unwrap();
            assert_eq!(written, expected.as_bytes(), "{cells:?}");
        }
    }
}
