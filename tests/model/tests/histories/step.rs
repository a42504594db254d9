//! Steps as they are drawn: small numbers that mean something only once it is known what there is. So they shrink well, and
//! every history of them can be run.

use jeton_model::{
    Actor, Ask, Bindings, Edit, Expiry, Network, Presented, Reason, Setting, State, TokenAsk, TokenNumber, Used,
    Verdict,
};
use proptest::{prelude::*, strategy::Union};

use crate::{
    act::Act,
    book::{Book, numbers},
    transfer::{self, IncomingDraft, incoming},
    words,
};

const SCOPES: [&str; 7] =
    ["orders", "billing", "reports", "jeton:read", "jeton:admin", "jeton:introspect", "jeton:tokens"];
pub(crate) const NAMES: [&str; 4] = ["nightly", "vendor", "ci", "phone"];
const OWNERS: [&str; 3] = ["ann", "bob", "cleo"];
const AUDIENCES: [&str; 3] = ["https://a.example", "https://b.example", "urn:c"];
pub(crate) const REASONS: [Reason; 3] = [Reason::Deleted, Reason::Compromised, Reason::OwnerLeft];
pub(crate) const NETWORKS: [Network; 6] = [
    Network { width: 32, first: 0x0a00_0000, length: 8 },
    Network { width: 32, first: 0x0a01_0000, length: 16 },
    Network { width: 32, first: 0x0a01_0203, length: 32 },
    Network { width: 32, first: 0xc000_0200, length: 24 },
    Network { width: 128, first: 0x2001_0db8 << 96, length: 32 },
    Network { width: 128, first: 0x2001_0db8_0001 << 80, length: 48 },
];
/// From where requests come.
pub(crate) const PEERS: [Network; 6] = [
    Network { width: 32, first: 0x0a01_0203, length: 32 },
    Network { width: 32, first: 0x0a01_0204, length: 32 },
    Network { width: 32, first: 0x0a02_0000, length: 32 },
    Network { width: 32, first: 0xc000_02ff, length: 32 },
    Network { width: 128, first: (0x2001_0db8_0001 << 80) + 1, length: 128 },
    Network { width: 128, first: (0x2001_0db8_0002 << 80) + 1, length: 128 },
];

/// One step of a history.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// An act that nothing disturbs.
    Act(Draft),
    /// One during which the store fails at an operation: before it took effect, or after. The process is another one afterwards.
    Failing { draft: Draft, at: u8, lost: bool },
    /// One during which another is performed by somebody else, before an operation on the store.
    Both { outer: Draft, at: u8, inner: Draft },
    /// Time passes; whether a part of a second remains.
    Pass(u32, bool),
    /// Time passes until one of the next moments at which something changes by itself, or the second before.
    Until(u8, bool),
    /// The clock goes back, and perhaps somebody accepts that; `true`: what had expired is kept.
    Back(u32, Option<bool>),
    /// Many access tokens of one refresh token are given back one by one.
    Storm(u16),
}

/// An act before it is known what there is.
#[derive(Debug, Clone)]
pub(crate) enum Draft {
    Issue(Box<IssueDraft>),
    Exchange { of: u16, secret: u8, ask: AskDraft, by_rfc_8693: bool },
    Delegate { of: u16, secret: u8, ask: AskDraft },
    ExchangeAccess { of: u16, ask: AskDraft, for_refresh: bool },
    Edit { actor: u8, of: u16, changes: Vec<ChangeDraft>, generation: u8 },
    Rotate { actor: u8, of: u16, overlap: u32, generation: u8 },
    Delete { actor: u8, of: Vec<u16>, reason: u8, note: bool },
    DeleteOwned { actor: u8, owner: u8, reason: u8 },
    DeleteAccess { actor: u8, of: u16, reason: u8 },
    GiveBack { of: u16, secret: u8 },
    GiveBackAccess { of: u16 },
    Set { setting: Setting, generation: u8, at_once: bool },
    Advance,
    Restart { resume: bool },
    NoteUses { of: Vec<(u16, i16, u8)> },
    OpenUses,
    CloseUses,
    Sweep,
    Export,
    Import { actor: u8, tokens: Vec<IncomingDraft> },
    AcceptClock { keep: bool },
}

#[derive(Debug, Clone)]
pub(crate) struct IssueDraft {
    actor: u8,
    parent: Option<u16>,
    owner: Option<u8>,
    name: u8,
    scopes: u8,
    expiry: ExpiryDraft,
    ttl: Option<u16>,
    not_before: Option<u16>,
    networks: u8,
    carried: bool,
    audiences: u8,
    most: Option<u8>,
    may_delegate: bool,
    rotates: bool,
    key: Option<u8>,
    /// Whatever the parent does not have is left out.
    fits: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum ExpiryDraft {
    BySetting,
    After(u32),
    At(i32),
    Never,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct AskDraft {
    scope: Option<u8>,
    resource: Option<u8>,
    name: Option<u8>,
    expires_in: Option<u16>,
    /// `None`: from where it may come, if there is such a place.
    peer: Option<u8>,
}

#[derive(Debug, Clone)]
pub(crate) enum ChangeDraft {
    Name(u8),
    Expiry(ExpiryDraft),
    Enabled(bool),
    Scopes(u8),
    Ttl(Option<u16>),
    NotBefore(Option<u16>),
    Networks(u8),
    Carried(bool),
    Audiences(u8),
    Most(Option<u8>),
    MayDelegate(bool),
    Rotates(bool),
    Note,
}

fn expiry() -> impl Strategy<Value = ExpiryDraft> {
    prop_oneof![
        4 => Just(ExpiryDraft::BySetting),
        4 => (1..5_000_u32).prop_map(ExpiryDraft::After),
        2 => (-20..2_000_i32).prop_map(ExpiryDraft::At),
        1 => Just(ExpiryDraft::Never),
    ]
}

/// A few of many: none most of the time.
fn mask(bits: u8) -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0_u8), 1 => 0..1_u8 << bits]
}

fn rarely<T: Clone + core::fmt::Debug + 'static>(
    strategy: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.15, strategy)
}

pub(crate) fn issue() -> impl Strategy<Value = IssueDraft> {
    let who = (0..10_u8, prop::option::weighted(0.6, any::<u16>()), prop::option::of(0..3_u8), 0..4_u8);
    let what = (0..64_u8, expiry(), rarely(0..4_000_u16), rarely(0..900_u16));
    let bound = (mask(6), prop::bool::weighted(0.2), mask(3), rarely(0..5_u8));
    let how = (any::<bool>(), prop::bool::weighted(0.3), rarely(0..3_u8), prop::bool::weighted(0.85));
    (who, what, bound, how).prop_map(
        |(
            (actor, parent, owner, name),
            (scopes, expiry, ttl, not_before),
            bound,
            (may_delegate, rotates, key, fits),
        )| {
            let (networks, carried, audiences, most) = bound;
            IssueDraft {
                actor,
                parent,
                owner,
                name,
                scopes,
                expiry,
                ttl,
                not_before,
                networks,
                carried,
                audiences,
                most,
                may_delegate,
                rotates,
                key,
                fits,
            }
        },
    )
}

fn ask() -> impl Strategy<Value = AskDraft> {
    let of_refresh = (prop::option::of(0..4_u8), prop::option::of(0..2_000_u16));
    (prop::option::weighted(0.3, 0..64_u8), rarely(0..3_u8), rarely(0..7_u8), of_refresh)
        .prop_map(|(scope, resource, peer, (name, expires_in))| AskDraft { scope, resource, name, expires_in, peer })
}

fn change() -> impl Strategy<Value = ChangeDraft> {
    Union::new_weighted(vec![
        (1, (0..4_u8).prop_map(ChangeDraft::Name).boxed()),
        (3, expiry().prop_map(ChangeDraft::Expiry).boxed()),
        (2, Just(ChangeDraft::Enabled(false)).boxed()),
        (3, Just(ChangeDraft::Enabled(true)).boxed()),
        (2, (0..64_u8).prop_map(ChangeDraft::Scopes).boxed()),
        (1, prop::option::of(0..4_000_u16).prop_map(ChangeDraft::Ttl).boxed()),
        (1, prop::option::of(0..900_u16).prop_map(ChangeDraft::NotBefore).boxed()),
        (1, (0..64_u8).prop_map(ChangeDraft::Networks).boxed()),
        (1, any::<bool>().prop_map(ChangeDraft::Carried).boxed()),
        (1, (0..8_u8).prop_map(ChangeDraft::Audiences).boxed()),
        (1, prop::option::of(0..6_u8).prop_map(ChangeDraft::Most).boxed()),
        (1, any::<bool>().prop_map(ChangeDraft::MayDelegate).boxed()),
        (2, any::<bool>().prop_map(ChangeDraft::Rotates).boxed()),
        (1, Just(ChangeDraft::Note).boxed()),
    ])
}

fn setting() -> impl Strategy<Value = Setting> {
    Union::new_weighted(vec![
        (3, (0..4_000_u64).prop_map(Setting::AccessTokenExpiration).boxed()),
        (1, (0..400_u64).prop_map(Setting::AccessTokenMinimum).boxed()),
        (1, (600..90_000_u64).prop_map(Setting::AccessTokenMaximum).boxed()),
        (1, (600..200_000_u64).prop_map(Setting::RefreshTokenExpiration).boxed()),
        (2, prop::option::weighted(0.4, 1_000..500_000_u64).prop_map(Setting::RefreshTokenMaximum).boxed()),
        (1, any::<bool>().prop_map(Setting::NeverAllowed).boxed()),
        (1, prop::bool::weighted(0.3).prop_map(Setting::UniqueNames).boxed()),
        (
            1,
            prop::option::weighted(0.4, (1..8_u8).prop_map(|few| chosen(&SCOPES[..3], few)))
                .prop_map(Setting::Scopes)
                .boxed(),
        ),
        (1, prop_oneof![3 => Just(8_u64), 1 => 0..10_u64].prop_map(Setting::DelegationLevels).boxed()),
        (1, prop::bool::weighted(0.7).prop_map(Setting::HolderDelegation).boxed()),
        (
            1,
            prop_oneof![2 => Just(86_400_u64), 1 => Just(400 * 86_400), 1 => 0..100_000_u64]
                .prop_map(Setting::TombstoneRetention)
                .boxed(),
        ),
    ])
}

fn draft() -> impl Strategy<Value = Draft> {
    let index = any::<u16>;
    let generation = || prop_oneof![4 => Just(0_u8), 1 => 1..3_u8];
    let actor = || 0..10_u8;
    let secret = || prop_oneof![6 => Just(0_u8), 1 => Just(1_u8), 1 => any::<u8>()];
    Union::new_weighted(vec![
        (8, issue().prop_map(|draft| Draft::Issue(Box::new(draft))).boxed()),
        (
            12,
            (index(), secret(), ask(), prop::bool::weighted(0.2))
                .prop_map(|(of, secret, ask, by_rfc_8693)| Draft::Exchange { of, secret, ask, by_rfc_8693 })
                .boxed(),
        ),
        (4, (index(), secret(), ask()).prop_map(|(of, secret, ask)| Draft::Delegate { of, secret, ask }).boxed()),
        (
            4,
            (index(), ask(), prop::bool::weighted(0.1))
                .prop_map(|(of, ask, for_refresh)| Draft::ExchangeAccess { of, ask, for_refresh })
                .boxed(),
        ),
        (
            8,
            (actor(), index(), prop::collection::vec(change(), 1..3), generation())
                .prop_map(|(actor, of, changes, generation)| Draft::Edit { actor, of, changes, generation })
                .boxed(),
        ),
        (
            3,
            (
                actor(),
                index(),
                prop_oneof![2 => Just(0_u32), 3 => 1..1_500_u32, 1 => 600_000..610_000_u32],
                generation(),
            )
                .prop_map(|(actor, of, overlap, generation)| Draft::Rotate { actor, of, overlap, generation })
                .boxed(),
        ),
        (
            2,
            (actor(), prop::collection::vec(index(), 1..4), 0..3_u8, any::<bool>())
                .prop_map(|(actor, of, reason, note)| Draft::Delete { actor, of, reason, note })
                .boxed(),
        ),
        (
            1,
            (actor(), 0..3_u8, 0..3_u8)
                .prop_map(|(actor, owner, reason)| Draft::DeleteOwned { actor, owner, reason })
                .boxed(),
        ),
        (
            2,
            (actor(), index(), 0..3_u8)
                .prop_map(|(actor, of, reason)| Draft::DeleteAccess { actor, of, reason })
                .boxed(),
        ),
        (1, (index(), secret()).prop_map(|(of, secret)| Draft::GiveBack { of, secret }).boxed()),
        (2, index().prop_map(|of| Draft::GiveBackAccess { of }).boxed()),
        (
            2,
            (setting(), generation(), prop::bool::weighted(0.15))
                .prop_map(|(setting, generation, at_once)| Draft::Set { setting, generation, at_once })
                .boxed(),
        ),
        (1, Just(Draft::Advance).boxed()),
        (1, any::<bool>().prop_map(|resume| Draft::Restart { resume }).boxed()),
        (3, Just(Draft::Sweep).boxed()),
        (2, prop::collection::vec((index(), -5..200_i16, 0..7_u8), 1..4).prop_map(|of| Draft::NoteUses { of }).boxed()),
        (1, prop_oneof![Just(Draft::OpenUses), Just(Draft::CloseUses)].boxed()),
        (2, Just(Draft::Export).boxed()),
        (
            2,
            (actor(), prop::collection::vec(incoming(), 1..4))
                .prop_map(|(actor, tokens)| Draft::Import { actor, tokens })
                .boxed(),
        ),
        (1, any::<bool>().prop_map(|keep| Draft::AcceptClock { keep }).boxed()),
    ])
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let pass = prop_oneof![8 => 0..30_u32, 6 => 0..700_u32, 2 => 0..5_000_u32, 1 => 80_000..180_000_u32];
    let back = prop_oneof![3 => 1..11_u32, 1 => 11..5_000_u32];
    prop_oneof![
        34 => draft().prop_map(Step::Act),
        4 => (draft(), 1..14_u8, any::<bool>()).prop_map(|(draft, at, lost)| Step::Failing { draft, at, lost }),
        6 => (draft(), prop_oneof![3 => 0..7_u8, 1 => 7..14_u8], draft()).prop_map(|(outer, at, inner)| Step::Both { outer, at, inner }),
        8 => (pass, any::<bool>()).prop_map(|(seconds, part)| Step::Pass(seconds, part)),
        6 => (any::<u8>(), any::<bool>()).prop_map(|(which, before)| Step::Until(which, before)),
        1 => (back, prop::option::weighted(0.4, any::<bool>())).prop_map(|(seconds, accept)| Step::Back(seconds, accept)),
        1 => prop_oneof![7 => Just(None), 1 => any::<u16>().prop_map(Some)]
            .prop_map(|of| of.map_or(Step::Pass(1, false), Step::Storm)),
    ]
}

fn chosen(all: &[&str], few: u8) -> Vec<String> {
    all.iter().enumerate().filter(|(place, _)| few >> place & 1 == 1).map(|(_, one)| (*one).to_owned()).collect()
}

fn networks(few: u8) -> Vec<Network> {
    NETWORKS.iter().enumerate().filter(|(place, _)| few >> place & 1 == 1).map(|(_, one)| *one).collect()
}

fn actor(drawn: u8) -> Actor {
    let token = |name: &str, scopes: &[&str]| Actor {
        name: name.to_owned(),
        scopes: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
    };
    match drawn {
        0 => token("an-administrator", &["jeton:admin"]),
        1 => token("a-reader", &["jeton:read"]),
        _ => Actor::machine(),
    }
}

fn within<T>(all: usize, drawn: u16, number: impl Fn(usize) -> T) -> Option<T> {
    (all > 0).then(|| number(usize::from(drawn) % all))
}

impl Draft {
    /// The act that it is, in what the book knows; `None`: there is nothing to act upon.
    pub(crate) fn decided(&self, book: &Book) -> Option<Act> {
        let model = &book.model;
        let token = |drawn: u16| within(model.tokens.len(), drawn, |number| book.latest(number));
        let generation = |drawn: u8, of: u64| match drawn {
            0 => None,
            1 => Some(of),
            _ => Some(of + 1),
        };
        Some(match self {
            Self::Issue(draft) => Act::Issue { actor: actor(draft.actor), ask: draft.ask(book) },
            Self::Exchange { of, secret, ask, by_rfc_8693 } => {
                let presented = presented(book, living(book, *of)?, *secret)?;
                Act::Exchange { presented, ask: ask.decided(book, presented.token), by_rfc_8693: *by_rfc_8693 }
            }
            Self::Delegate { of, secret, ask } => {
                let presented = presented(book, living(book, *of)?, *secret)?;
                Act::Delegate { presented, ask: ask.decided(book, presented.token) }
            }
            Self::ExchangeAccess { of, ask, for_refresh } => {
                let access = access(book, *of)?;
                let ask = ask.decided(book, model.access[access].token);
                Act::ExchangeAccess { access, ask, for_refresh: *for_refresh }
            }
            Self::Edit { actor: who, of, changes, generation: drawn } => {
                let token = token(*of)?;
                let mut edit = Edit::default();
                for change in changes {
                    change.enter(&mut edit, model.now());
                }
                let generation = generation(*drawn, model.tokens[token].generation);
                Act::Edit { actor: actor(*who), token, edit, generation }
            }
            Self::Rotate { actor: who, of, overlap, generation: drawn } => {
                let token = living(book, *of)?;
                let generation = generation(*drawn, model.tokens[token].generation);
                Act::Rotate { actor: actor(*who), token, overlap: (*overlap).into(), generation }
            }
            Self::Delete { actor: who, of, reason, note } => Act::Delete {
                actor: actor(*who),
                tokens: of.iter().map(|drawn| token(*drawn).filter(|_| drawn % 11 != 10)).collect(),
                reason: REASONS[usize::from(*reason)],
                note: note.then(|| "gone".to_owned()),
            },
            Self::DeleteOwned { actor: who, owner, reason } => Act::DeleteOwned {
                actor: actor(*who),
                owner: OWNERS[usize::from(*owner)].to_owned(),
                reason: REASONS[usize::from(*reason)],
            },
            Self::DeleteAccess { actor: who, of, reason } => Act::DeleteAccess {
                actor: actor(*who),
                access: access(book, *of)?,
                reason: REASONS[usize::from(*reason)],
            },
            Self::GiveBack { of, secret } => Act::GiveBack { presented: presented(book, token(*of)?, *secret)? },
            Self::GiveBackAccess { of } => Act::GiveBackAccess { access: access(book, *of)? },
            Self::Set { setting, generation: drawn, at_once } => Act::Set {
                change: setting.clone(),
                generation: generation(*drawn, model.settings.generation),
                at_once: *at_once,
            },
            Self::Advance => Act::Advance,
            Self::Restart { resume } => Act::Restart { resume: *resume },
            Self::NoteUses { of } => {
                let used = |(drawn, ago, from): &(u16, i16, u8)| {
                    let at = model.now().saturating_add_signed(-i64::from(*ago));
                    let host = |peer: &Network| words::text(peer).split('/').next().map(str::to_owned);
                    let address = PEERS.get(usize::from(*from)).and_then(host);
                    Some((token(*drawn)?, Used { at, address, count: u64::from(*from) + 1 }))
                };
                Act::NoteUses { uses: of.iter().filter_map(used).collect() }
            }
            Self::OpenUses => Act::OpenUses,
            Self::CloseUses => Act::CloseUses,
            Self::Sweep => Act::Sweep,
            Self::Export => Act::Export,
            Self::Import { actor: who, tokens } => transfer::decided(actor(*who), tokens, book),
            Self::AcceptClock { keep } => Act::AcceptClock { keep: *keep },
        })
    }
}

/// Mostly one that is not over: the others have not much to tell.
pub(crate) fn living(book: &Book, drawn: u16) -> Option<TokenNumber> {
    let all = 0..book.model.tokens.len();
    let living: Vec<TokenNumber> = all.filter(|token| book.model.state(*token) <= State::Disabled).collect();
    if living.is_empty() || drawn % 8 == 7 {
        return within(book.model.tokens.len(), drawn / 8, |number| book.latest(number));
    }
    within(living.len(), drawn / 8, |place| living[place])
}

/// A secret that is known: 0 is the latest one.
pub(crate) fn presented(book: &Book, token: TokenNumber, drawn: u8) -> Option<Presented> {
    let known: Vec<u32> = book.refresh[token].secrets.keys().rev().copied().collect();
    let secret = within(known.len(), drawn.into(), |place| known[place])?;
    Some(Presented { token, secret })
}

pub(crate) fn access(book: &Book, drawn: u16) -> Option<usize> {
    // What is asked about one whose refresh token was removed is answered about the one that came in again.
    let is_latest = |one: &usize| book.latest(book.model.access[*one].token) == book.model.access[*one].token;
    let known: Vec<usize> = numbers(book).filter(is_latest).collect();
    let alive: Vec<usize> =
        known.iter().copied().filter(|one| book.model.verdict(*one, book.model.now()) == Verdict::Alive).collect();
    let among = if alive.is_empty() || drawn % 4 == 3 { known } else { alive };
    within(among.len(), drawn / 4, |place| among[place])
}

impl ExpiryDraft {
    fn decided(self, now: u64) -> Expiry {
        match self {
            Self::BySetting => Expiry::BySetting,
            Self::After(span) => Expiry::After(span.into()),
            Self::At(from_now) => Expiry::At(now.saturating_add_signed(from_now.into())),
            Self::Never => Expiry::Never,
        }
    }
}

impl IssueDraft {
    pub(crate) fn ask(&self, book: &Book) -> Ask {
        let (model, now) = (&book.model, book.model.now());
        let parent = self.parent.and_then(|drawn| living(book, drawn));
        let mut ask = Ask {
            name: NAMES[usize::from(self.name)].to_owned(),
            expiry: self.expiry.decided(now),
            scopes: chosen(&SCOPES, self.scopes),
            parent,
            owner: self.owner.map(|owner| OWNERS[usize::from(owner)].to_owned()),
            access_ttl: self.ttl.map(u64::from),
            bindings: Bindings {
                not_before: self.not_before.map(|from| now + u64::from(from)),
                networks: networks(self.networks),
                networks_in_access_tokens: self.carried,
                audiences: chosen(&AUDIENCES, self.audiences),
                max_exchanges: self.most.map(u64::from),
            },
            may_delegate: self.may_delegate,
            rotates_on_use: self.rotates,
            key: self.key.map(|key| format!("key-{key}")),
        };
        if let Some(parent) = parent.filter(|_| self.fits) {
            let above = &model.tokens[parent];
            ask.scopes.retain(|scope| above.scopes.contains(scope));
            if !above.bindings.networks.is_empty() {
                ask.bindings.networks.retain(|one| above.bindings.networks.iter().any(|other| other.covers(one)));
            }
            if !above.bindings.audiences.is_empty() {
                ask.bindings.audiences.retain(|one| above.bindings.audiences.contains(one));
            }
            if above.expires_at.is_some() && ask.expiry == Expiry::Never {
                ask.expiry = Expiry::BySetting;
            }
        }
        ask
    }
}

impl AskDraft {
    pub(crate) fn decided(self, book: &Book, token: TokenNumber) -> TokenAsk {
        let links = book.model.chain(token).into_iter().map(|link| &book.model.tokens[link].bindings.networks);
        let links: Vec<&Vec<Network>> = links.filter(|link| !link.is_empty()).collect();
        let fits = |peer: &&Network| links.iter().all(|link| link.iter().any(|network| network.covers(peer)));
        let peer = match self.peer {
            None => PEERS.iter().find(fits).copied(),
            Some(drawn) => PEERS.get(usize::from(drawn)).copied(),
        };
        TokenAsk {
            scope: self.scope.map(|few| chosen(&SCOPES, few)),
            resource: self.resource.map(|drawn| AUDIENCES[usize::from(drawn)].to_owned()),
            peer,
            name: self.name.map(|name| NAMES[usize::from(name)].to_owned()),
            expires_in: self.expires_in.map(u64::from),
        }
    }
}

impl ChangeDraft {
    fn enter(&self, edit: &mut Edit, now: u64) {
        let later = |from_now: &Option<u16>| from_now.map(|from_now| now + u64::from(from_now));
        match self {
            Self::Name(name) => edit.name = Some(NAMES[usize::from(*name)].to_owned()),
            Self::Expiry(expiry) => edit.expiry = Some(expiry.decided(now)),
            Self::Enabled(enabled) => edit.enabled = Some(*enabled),
            Self::Scopes(few) => edit.scopes = Some(chosen(&SCOPES, *few)),
            Self::Ttl(ttl) => edit.access_ttl = Some(ttl.map(u64::from)),
            Self::NotBefore(from) => edit.not_before = Some(later(from)),
            Self::Networks(few) => edit.networks = Some(networks(*few)),
            Self::Carried(carried) => edit.networks_in_access_tokens = Some(*carried),
            Self::Audiences(few) => edit.audiences = Some(chosen(&AUDIENCES, *few)),
            Self::Most(most) => edit.max_exchanges = Some(most.map(u64::from)),
            Self::MayDelegate(may) => edit.may_delegate = Some(*may),
            Self::Rotates(rotates) => edit.rotates_on_use = Some(*rotates),
            Self::Note => edit.note = Some("because".to_owned()),
        }
    }
}
