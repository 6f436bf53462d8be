//! The numbered pages below the list.

use crate::i18n::Texts;
use crate::store::directory::{COUNT_CAP, Count};
use crate::web::admin::query::ListQuery;

/// How many numbers stand on either side of the page one is at.
const BESIDE: i64 = 2;

/// Ways to the other pages.
#[derive(Default)]
pub(super) struct Pager {
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
    pub(super) steps: Vec<Step>,
    /// Said on the last page that can be reached, when there are more members.
    pub(super) more: Option<String>,
    page: i64,
    pages: i64,
    many: bool,
}

/// A number, or a gap between numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A page, and where it is.
    Page(i64, String),
    /// Pages left out.
    Gap,
}

impl Pager {
    pub(super) fn new(t: Texts, query: &ListQuery, total: Count) -> Self {
        let (total, many) = match total {
            Count::Exactly(total) => (total, false),
            Count::Many => (COUNT_CAP, true),
        };
        let pages = (total + query.per - 1) / query.per;
        let address = |page: i64| {
            let exists = (1..=pages).contains(&page);
            exists.then(|| query.at_page(page).address())
        };
        let most = t.number(u64::try_from(COUNT_CAP).unwrap_or_default());
        Self {
            previous: address(query.page - 1),
            next: address(query.page + 1),
            steps: steps(query, pages),
            more: (many && query.page == pages).then(|| t.am_many(most)),
            page: query.page,
            pages,
            many,
        }
    }

    /// The page's title, where there is more than one.
    pub(super) fn title(&self, t: Texts) -> Option<String> {
        let pages = match self.many {
            true => format!("{}+", self.pages),
            false => self.pages.to_string(),
        };
        (self.pages > 1).then(|| t.am_pagetitle(self.page, pages))
    }

    pub(super) fn is_here(&self, page: &i64) -> bool {
        self.page == *page
    }
}

/// The first page, the last, and those around this one; a gap never hides a single page.
fn steps(query: &ListQuery, pages: i64) -> Vec<Step> {
    if pages <= 1 {
        return Vec::new();
    }
    let near = query.page - BESIDE..=query.page + BESIDE;
    let shown = |page: &i64| *page == 1 || *page == pages || near.contains(page);
    let mut steps = Vec::new();
    let mut last = 0;
    for page in (1..=pages).filter(shown) {
        let step = |page: i64| Step::Page(page, query.at_page(page).address());
        match page - last {
            1 => {}
            2 => steps.push(step(page - 1)),
            _ => steps.push(Step::Gap),
        }
        steps.push(step(page));
        last = page;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    fn told(page: i64, total: Count) -> (String, Option<String>) {
        let query = ListQuery::default().at_page(page);
        let pager = Pager::new(Lang::Ko.texts(), &query, total);
        let steps: Vec<String> = pager
            .steps
            .iter()
            .map(|step| match step {
                Step::Page(number, address) => {
                    assert_eq!(*address, query.at_page(*number).address());
                    number.to_string()
                }
                Step::Gap => "~".to_owned(),
            })
            .collect();
        (steps.join(" "), pager.title(Lang::Ko.texts()))
    }

    #[test]
    fn numbers_stand_around_the_page_and_at_both_ends() {
        for (page, total, steps) in [
            (1, 0, ""),
            (1, 20, ""),
            (1, 21, "1 2"),
            (1, 100, "1 2 3 4 5"),
            (1, 200, "1 2 3 ~ 10"),
            (5, 200, "1 2 3 4 5 6 7 ~ 10"),
            (6, 200, "1 ~ 4 5 6 7 8 9 10"),
            (10, 200, "1 ~ 8 9 10"),
        ] {
            assert_eq!(
                told(page, Count::Exactly(total)).0,
                steps,
                "{page} of {total}"
            );
        }
    }

    // AD-7
    #[test]
    fn of_more_members_than_are_counted_the_first_can_be_paged_through() {
        let (steps, title) = told(2, Count::Many);
        assert_eq!(steps, "1 2 3 4 ~ 500");
        assert_eq!(title.as_deref(), Some("회원 (2/500+ 페이지)"));
        let t = Lang::Ko.texts();
        let last = Pager::new(t, &ListQuery::default().at_page(500), Count::Many);
        assert_eq!(last.next, None);
        assert!(last.more.is_some());
        let exact = Pager::new(t, &ListQuery::default(), Count::Exactly(1));
        assert_eq!((exact.title(t), exact.more), (None, None));
    }
}
