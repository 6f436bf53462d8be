use proptest::prelude::*;
use time::macros::datetime;

use super::*;

fn read(query: &str) -> (String, Vec<String>) {
    let (read, dropped) = ListQuery::parse(query);
    (read.to_query(), dropped)
}

// AD-7
#[test]
fn one_view_has_one_address() {
    for (asked, canonical) in [
        ("", ""),
        ("q=&status=&page=&per=&sort=&cols=&from=", ""),
        ("page=1&per=20&sort=-created_at", ""),
        ("per=50&page=2&q=kim", "q=kim&page=2&per=50"),
        ("status=suspended,active,active", "status=active,suspended"),
        ("status=active&status=suspended", "status=active,suspended"),
        ("status=active,suspended,unverified,withdrawn", ""),
        ("provider=email%2Ckakao", ""),
        ("role=owner,admin", "role=admin,owner"),
        ("q=007", "q=7"),
        ("q=%20%20kim%20%20 minsu ", "q=kim+minsu"),
        ("q=김", "q=%EA%B9%80"),
        ("cols=status,name", "cols=no,name,status"),
        ("cols=no", "cols=no"),
        ("sort=created_at", "sort=created_at"),
        ("page=007", "page=7"),
        (
            "from=2026-03-01&to=2026-03-31",
            "from=2026-03-01&to=2026-03-31",
        ),
    ] {
        assert_eq!(read(asked), (canonical.to_owned(), vec![]), "{asked}");
    }
}

// AD-7
#[test]
fn what_is_not_understood_is_left_out_and_named() {
    let long = format!("q={}&status=active", "김".repeat(3_500));
    for (asked, canonical, dropped) in [
        ("limit=1e9", "", "limit"),
        ("page=0", "", "page"),
        ("page=-1&per=50", "per=50", "page"),
        ("page=1e9", "", "page"),
        ("page=99999999999999999999", "", "page"),
        ("page=+2", "", "page"),
        ("per=21", "", "per"),
        ("per=1000000000", "", "per"),
        ("sort=email", "", "sort"),
        ("sort=--name", "", "sort"),
        ("sort=name;drop table members", "", "sort"),
        ("status=active,dead", "status=active", "status"),
        ("status=Active", "", "status"),
        ("role=root&q=kim", "q=kim", "role"),
        ("cols=name,secret", "cols=no,name", "cols"),
        ("cols=secret", "", "cols"),
        ("from=2026-02-29", "", "from"),
        ("from=2026-3-1", "", "from"),
        ("to=9999-12-31", "", "to"),
        ("to=0000-01-01", "", "to"),
        ("to=2026-03-01T00:00", "", "to"),
        ("q=hong%40example.com&role=admin", "role=admin", "q"),
        ("q=%00", "", "q"),
        ("q=a%00b", "", "q"),
        ("q=%E2%80%8B", "", "q"),
        ("q=0", "", "q"),
        ("q=9223372036854775808", "", "q"),
        (&long, "status=active", "q"),
        ("q=kim&q=lee", "q=kim", "q"),
        ("%3Cscript%3E=1", "", "<script>"),
    ] {
        let expected = (canonical.to_owned(), vec![dropped.to_owned()]);
        assert_eq!(read(asked), expected, "{asked:.60}");
    }
    assert_eq!(read("a=1&b=2&a=3").1, ["a", "b"], "each once");
}

// AD-7
#[test]
fn signs_that_databases_read_are_just_text() {
    for text in ["%", "_", "'", "\"", "\\", "a'; --", "100%_", "!", "+1"] {
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let (query, dropped) = ListQuery::parse(&format!("q={encoded}"));
        assert_eq!(query.filter.name.as_deref(), Some(text));
        assert_eq!(dropped, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn digits_are_a_member_number_and_anything_else_is_a_name() {
    let filter = |query| ListQuery::parse(query).0.filter;
    assert_eq!(filter("q=42").number, Some(42));
    assert_eq!(filter("q=42").name, None);
    // An invisible character does not make a name of it.
    assert_eq!(filter("q=4%E2%80%8B2").number, Some(42));
    assert_eq!(filter("q=42a").name.as_deref(), Some("42a"));
    assert_eq!(filter("q=４２").name.as_deref(), Some("４２"));
}

#[test]
fn days_are_whole_days_in_seoul() {
    let filter = ListQuery::parse("from=2026-03-01&to=2026-03-01").0.filter;
    assert_eq!(filter.joined_from, Some(datetime!(2026-02-28 15:00 UTC)));
    assert_eq!(filter.joined_before, Some(datetime!(2026-03-01 15:00 UTC)));
}

// AD-4
#[test]
fn the_audit_log_is_told_what_kind_of_search_it_was_and_not_for_whom() {
    let told = |query| ListQuery::parse(query).0.told();
    assert_eq!(told("q=홍길동&status=active"), "q=name&status=active");
    assert_eq!(told("q=42"), "q=number");
    assert_eq!(told("page=2"), "page=2");
}

#[test]
fn the_form_says_the_same_as_an_address() {
    let form = |fields: &[(&str, &str)]| {
        let fields = fields.iter();
        ListQuery::of_form(
            fields
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
        )
    };
    let searched = form(&[
        ("q", " 홍 "),
        ("status-active", "1"),
        ("status-suspended", "1"),
        ("role-owner", "1"),
        ("from", ""),
        ("per", "50"),
    ]);
    let canonical = "q=%ED%99%8D&status=active,suspended&role=owner&per=50";
    assert_eq!(searched.query.to_query(), canonical);
    assert_eq!((searched.email, searched.dropped), (None, vec![]));
    let searched = form(&[("q", " Hong@Example.com\n"), ("status-active", "1")]);
    assert_eq!(searched.email.as_deref(), Some("Hong@Example.com"));
    assert_eq!(searched.query.to_query(), "status=active");
    let searched = form(&[("status-dead", "1"), ("status-", "1")]);
    assert_eq!(searched.dropped, ["status"]);
}

#[test]
fn a_change_begins_at_the_first_page_and_another_page_changes_nothing_else() {
    let query = ListQuery::parse("q=kim&page=3&per=50").0;
    let changed = query.with(|query| query.per = 100);
    assert_eq!(changed.to_query(), "q=kim&per=100");
    assert_eq!(query.at_page(4).to_query(), "q=kim&page=4&per=50");
    assert_eq!(query.offset(), 100);
}

prop_compose! {
    fn any_view()(
        search in prop_oneof![
            Just(None),
            (1..i64::MAX).prop_map(|number| Some(Err(number))),
            "[^\\pC]{1,40}".prop_map(|text| Some(Ok(text))),
        ],
        standings in proptest::sample::subsequence(StandingKind::ALL.to_vec(), 0..=3),
        providers in proptest::sample::subsequence(Provider::ALL.to_vec(), 0..=1),
        roles in proptest::sample::subsequence(Role::ALL.to_vec(), 0..=3),
        days in proptest::array::uniform2(proptest::option::of(0..376_000_i64)),
        by in proptest::sample::select(vec![
            Order::Number, Order::Name, Order::Joined, Order::Seen,
        ]),
        descending in any::<bool>(),
        page in 1..=MOST_PAGES,
        per in proptest::sample::select(PER.to_vec()),
        cols in proptest::option::of(
            proptest::sample::subsequence(Column::ALL[1..].to_vec(), 0..=7),
        ),
    ) -> ListQuery {
        let [from, to] = days.map(|days| days.map(|days| {
            seoul_midnight(time::macros::date!(1970-01-02) + time::Duration::days(days))
        }));
        let name = match &search {
            Some(Ok(text)) => clean_name(text).filter(|name| {
                !name.contains('@') && !name.bytes().all(|byte| byte.is_ascii_digit())
            }),
            _ => None,
        };
        ListQuery {
            filter: Filter {
                name,
                number: search.and_then(Result::err),
                email: None,
                standings,
                providers,
                roles,
                joined_from: from,
                joined_before: to,
            },
            sort: Sort { by, descending },
            page,
            per,
            cols: cols.map(|cols| [vec![Column::Number], cols].concat()),
        }
    }
}

proptest! {
    // AD-7
    #[test]
    fn reading_what_was_written_gives_the_same_view(view in any_view()) {
        prop_assert_eq!(ListQuery::parse(&view.to_query()), (view, vec![]));
    }

    // AD-7
    #[test]
    fn whatever_is_asked_leads_to_an_address_that_stays_as_it_is(asked in "\\PC{0,200}") {
        let (canonical, _) = read(&asked);
        prop_assert_eq!(read(&canonical), (canonical, vec![]));
    }

    // AD-7
    #[test]
    fn whatever_values_are_asked_for_lead_to_an_address_that_stays(
        values in proptest::array::uniform10("[0-9a-z,@%\\-+_.가-힣\u{0}\u{200b} ]{0,12}"),
    ) {
        let names = ["q", "status", "provider", "role", "from", "to", "sort", "page", "per", "cols"];
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(names.iter().zip(&values));
        let (canonical, _) = read(&form.finish());
        prop_assert_eq!(read(&canonical), (canonical, vec![]));
    }
}
