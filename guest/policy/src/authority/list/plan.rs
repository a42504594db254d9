//! Plans: which index a query goes through, which part of it, and which way.

use super::{
    Query, Sort, Span,
    walk::{Lane, LaneKind},
};
use crate::{authority::TOLERATED_STEP_BACK, keys, record::Settings, store::Direction, token_id::TokenId};

/// The lanes of `query`, in their order: the narrowest index that has the order which is asked for.
pub(super) fn lanes(query: &Query, parent: Option<TokenId>, settings: &Settings) -> Vec<Lane> {
    let (sort, is_descending) = query.order();
    let way = if is_descending { Direction::Descending } else { Direction::Ascending };
    match sort {
        Sort::Created => vec![by_making(narrowest(query, parent), query.created, opposite(way))],
        Sort::Name => {
            let prefix = keys::name_prefix(query.name.as_deref().unwrap_or_default());
            vec![Lane { prefix, lower: None, upper: None, direction: way, kind: LaneKind::Every }]
        }
        Sort::Expires => by_expiry(query.expires, settings, way),
        Sort::LastUsed => by_last_use(query, way),
    }
}

/// The index in the order of making that has the fewest others.
fn narrowest(query: &Query, parent: Option<TokenId>) -> Vec<u8> {
    match (parent, &query.owner) {
        (Some(parent), _) => keys::children_prefix(parent),
        (None, Some(owner)) => keys::owned_prefix(owner),
        (None, None) if query.never_used => keys::UNUSED.to_vec(),
        (None, None) => keys::TOKENS.to_vec(),
    }
}

/// Those made within `span`. Ids stand newest first.
fn by_making(prefix: Vec<u8>, span: Span, direction: Direction) -> Lane {
    let lower = span.until.map(|until| keys::made_before(&prefix, until));
    let upper = span.from.map(|from| keys::made_before(&prefix, from));
    Lane { prefix, lower, upper, direction, kind: LaneKind::Every }
}

/// Tokens expire by their own date, or by the settings' maximum if that is earlier. Under a maximum there are two orders, each
/// with a lane of its own, and every token stands in one of them.
fn by_expiry(span: Span, settings: &Settings, direction: Direction) -> Vec<Lane> {
    let own = by_moment(keys::EXPIRES, span, direction);
    let Some(maximum) = settings.refresh_token_maximum else { return vec![own] };
    // Where the clock had gone back, a token counts as made up to as much later than its id says.
    let slack = TOLERATED_STEP_BACK;
    let made = Span {
        from: span.from.map(|from| from.since(maximum.plus(slack))),
        until: span.until.map(|until| until.since(maximum)),
    };
    let by_maximum = by_making(keys::TOKENS.to_vec(), made, opposite(direction));
    vec![
        Lane { kind: LaneKind::ByOwnExpiry(maximum), ..own },
        Lane { kind: LaneKind::ByMaximum(maximum), ..by_maximum },
    ]
}

/// Never is before every use: who looks for what is idle finds it first.
fn by_last_use(query: &Query, direction: Direction) -> Vec<Lane> {
    let unused = by_making(keys::UNUSED.to_vec(), Span::default(), opposite(direction));
    let used = by_moment(keys::LAST_USED, query.last_used, direction);
    match (query.never_used, query.last_used.is_bounded(), direction) {
        (true, _, _) => vec![unused],
        (false, true, _) => vec![used],
        (false, false, Direction::Ascending) => vec![unused, used],
        (false, false, Direction::Descending) => vec![used, unused],
    }
}

/// Those of an index by time that lie within `span`; those without a time are in no span.
fn by_moment(index: &[u8], span: Span, direction: Direction) -> Lane {
    let lower = span.from.map(|from| keys::from_moment(index, from));
    let upper = match span {
        Span { until: Some(until), .. } => Some(keys::from_moment(index, until)),
        Span { from: Some(_), until: None } => Some(keys::never(index)),
        Span { from: None, until: None } => None,
    };
    Lane { prefix: index.to_vec(), lower, upper, direction, kind: LaneKind::Every }
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Ascending => Direction::Descending,
        Direction::Descending => Direction::Ascending,
    }
}
