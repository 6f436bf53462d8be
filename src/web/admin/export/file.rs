//! The file itself: CSV as RFC 4180 has it, which spreadsheets open as text and nothing else.

use actix_web::web::Bytes;
use futures_util::stream::try_unfold;
use futures_util::{Stream, TryStreamExt as _};
use time::OffsetDateTime;
use time::macros::{format_description, offset};

use super::Column;
use crate::flow::admin::Export;
use crate::i18n::Texts;
use crate::mask;
use crate::store::directory::Card;
use crate::web::admin::spreadsheet::{self, lines};
use crate::web::admin::words::{self, provider, role, standing};

/// The members could not be read, or not be written down; the log has more.
#[derive(Debug, thiserror::Error)]
#[error("an export broke off")]
pub(super) struct BrokenOff;

/// What a file is called that is made `now`: to be told apart by the minute, in Seoul.
pub(super) fn name(now: OffsetDateTime, whole: bool) -> String {
    let format = format_description!("[year][month][day]_[hour][minute]");
    let at = now
        .to_offset(offset!(+9))
        .format(format)
        .unwrap_or_default();
    let mode = if whole { "full" } else { "masked" };
    format!("members_{at}_{mode}.csv")
}

/// How members become lines.
pub(super) struct Rows {
    t: Texts,
    columns: Vec<Column>,
    whole: bool,
}

impl Rows {
    pub(super) fn new(t: Texts, columns: Vec<Column>, whole: bool) -> Self {
        Self { t, columns, whole }
    }

    fn head(&self) -> Result<Vec<u8>, csv::Error> {
        let labels = self
            .columns
            .iter()
            .map(|column| words::column(self.t, *column).to_owned());
        let mut head = spreadsheet::BYTE_ORDER_MARK.to_vec();
        head.extend(lines([labels])?);
        Ok(head)
    }

    fn lines(&self, cards: &[Card]) -> Result<Vec<u8>, csv::Error> {
        lines(cards.iter().map(|card| {
            let cells = self.columns.iter();
            cells.map(|column| self.cell(card, *column))
        }))
    }

    fn cell(&self, card: &Card, column: Column) -> String {
        let (t, name, email) = (self.t, card.display_name.as_deref(), card.email.as_deref());
        match column {
            Column::Number => card.number.to_string(),
            Column::Name if self.whole => name.unwrap_or_default().to_owned(),
            Column::Name => name.map(mask::name).unwrap_or_default(),
            Column::Email if self.whole => email.unwrap_or_default().to_owned(),
            Column::Email => email.map(mask::email).unwrap_or_default(),
            Column::Provider => provider(t, card.provider).to_owned(),
            Column::Status => standing(t, card.standing.kind()).to_owned(),
            Column::Role => role(t, card.role).to_owned(),
            Column::Joined => t.datetime_list(card.created_at),
            Column::Seen => t.datetime_list(card.last_login_at),
        }
    }
}

/// The bytes of the file, batch by batch. A batch that cannot be read ends it with an error, upon
/// which the connection is closed before the end of the body.
pub(super) fn stream(
    export: Box<Export>,
    rows: Rows,
    request_id: String,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> {
    let whole = try_unfold((export, rows, true), async |(mut export, rows, first)| {
        if first {
            let head = rows.head()?;
            return Ok(Some((Bytes::from(head), (export, rows, false))));
        }
        let cards = export.next().await?;
        if cards.is_empty() {
            return Ok(None);
        }
        let lines = rows.lines(&cards)?;
        Ok::<_, anyhow::Error>(Some((Bytes::from(lines), (export, rows, false))))
    });
    whole.map_err(move |error| {
        tracing::error!(request.id = %request_id, %error, "an export broke off");
        BrokenOff
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_file_is_named_after_the_minute_in_seoul() {
        let at = datetime!(2026-03-10 05:12:59 UTC);
        assert_eq!(name(at, false), "members_20260310_1412_masked.csv");
        assert_eq!(name(at, true), "members_20260310_1412_full.csv");
    }
}
