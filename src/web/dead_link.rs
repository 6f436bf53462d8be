//! The page of a mailed link that does not work, and the ways on from there.

use askama::Template;

use super::page::Layout;

#[derive(Template)]
#[template(path = "dead_link.html")]
pub(super) struct DeadLink<'a> {
    pub(super) layout: Layout<'a>,
    pub(super) title: &'static str,
    pub(super) body: &'static str,
    /// Address and words of each, the best first.
    pub(super) ways: Vec<(&'static str, &'static str)>,
}
