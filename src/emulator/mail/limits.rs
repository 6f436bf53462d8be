//! How much the mail server takes from anybody (RFC 5321 section 4.5.3).

use std::time::Duration;

/// Bytes of one message, as the `SIZE` extension tells.
pub(super) const LARGEST_MAIL: usize = 1024 * 1024;
/// Bytes of a command line with its end. RFC 5321 asks for 512; the extensions lengthen it.
pub(super) const LONGEST_COMMAND: usize = 1024;
/// Bytes of a line of a message with its end.
pub(super) const LONGEST_TEXT_LINE: usize = 1000;
/// Bytes after which a message that does not end, or a line, ends the connection.
pub(super) const ENDLESS: usize = 8 * LARGEST_MAIL;
/// Recipients of one mail.
pub(super) const MOST_RECIPIENTS: usize = 100;
/// Connections at a time.
pub(super) const MOST_CONNECTIONS: usize = 50;
/// Commands in one connection that were not understood or came out of turn.
pub(super) const MOST_MISTAKES: u32 = 20;
/// A client that says nothing for this long is let go.
pub(super) const IDLE: Duration = Duration::from_secs(300);
