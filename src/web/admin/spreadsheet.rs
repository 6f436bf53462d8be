//! Tables as files that spreadsheet programs open (RFC 4180).

/// What a file begins with, so that programs read it as UTF-8 whatever the machine is set to.
pub(super) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// One line: cells in quotes where they need them. No cell is a formula: what would be one to a
/// spreadsheet program begins with an apostrophe instead.
pub(super) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        let guard = if is_formula(cell) { "'" } else { "" };
        if cell.contains(['"', ',', '\r', '\n']) {
            line.push('"');
            line.push_str(guard);
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(guard);
            line.push_str(cell);
        }
    }
    line.push_str("\r\n");
    line
}

/// Full-width signs count: some programs take them for the others.
fn is_formula(cell: &str) -> bool {
    const SIGNS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
    cell.trim_start_matches(' ').starts_with(SIGNS)
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
            (vec!["=A1,B1"], "\"'=A1,B1\"\r\n"),
            (vec!["a=b"], "a=b\r\n"),
        ] {
            assert_eq!(line(cells.iter().copied()), expected, "{cells:?}");
        }
    }
}
