//! The columns of the list, as addresses name them.

use super::codes;
use crate::store::directory::Order;

/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web::admin) enum Column {
    /// The member number, which every list has.
    Number,
    /// The name.
    Name,
    /// The email address.
    Email,
    /// How they came.
    Provider,
    /// The standing.
    Status,
    /// The role.
    Role,
    /// When they joined.
    Joined,
    /// When they last signed in.
    Seen,
}

impl Column {
    /// Every column, from left to right.
    pub(in crate::web::admin) const ALL: [Self; 8] = [
        Self::Number,
        Self::Name,
        Self::Email,
        Self::Provider,
        Self::Status,
        Self::Role,
        Self::Joined,
        Self::Seen,
    ];

    /// As it is written into addresses.
    pub(in crate::web::admin) fn code(self) -> &'static str {
        match self {
            Self::Number => "no",
            Self::Name => "name",
            Self::Email => "email",
            Self::Provider => "provider",
            Self::Status => "status",
            Self::Role => "role",
            Self::Joined => "created_at",
            Self::Seen => "last_login_at",
        }
    }

    pub(super) fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.code() == code)
    }

    /// The order that this column stands for, where the list can be sorted by it.
    pub(in crate::web::admin) fn order(self) -> Option<Order> {
        match self {
            Self::Number => Some(Order::Number),
            Self::Name => Some(Order::Name),
            Self::Joined => Some(Order::Joined),
            Self::Seen => Some(Order::Seen),
            Self::Email | Self::Provider | Self::Status | Self::Role => None,
        }
    }

    /// The column that `order` sorts by.
    pub(in crate::web::admin) fn of(order: Order) -> Self {
        match order {
            Order::Number => Self::Number,
            Order::Name => Self::Name,
            Order::Joined => Self::Joined,
            Order::Seen => Self::Seen,
        }
    }

    /// These columns as an address writes them.
    pub(in crate::web::admin) fn codes(columns: &[Self]) -> String {
        codes(columns, Self::code)
    }

    /// The columns that an address names, the number among them; `None` when it names none.
    pub(in crate::web::admin) fn list(text: &str) -> Option<Vec<Self>> {
        let named: Vec<Self> = text.split(',').filter_map(Self::parse).collect();
        let wanted = |column: &Self| *column == Self::Number || named.contains(column);
        (!named.is_empty()).then(|| Self::ALL.into_iter().filter(wanted).collect())
    }
}
