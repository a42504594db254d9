//! Token exchange (RFC 8693): what is had from a token descends from it, and is never wider.

use jeton_policy::{
    authority::{
        Actor, ExchangeRequest, IssueError, Revocation, SettingsChange, State, TokenExchangeError,
        TokenExchangeRequest, TokenExchanged, TokenType,
    },
    network::Address,
    scope::{ADMIN, READ},
    seconds::Seconds,
    verifier::Refusal,
};

use crate::world::{ISSUER, Issued, PLAIN, START, World, scopes};

const INSIDE: Option<Address> = Some(Address::V4([10, 1, 2, 3]));
const OUTSIDE: Option<Address> = Some(Address::V4([192, 0, 2, 1]));

fn asks(subject: &str, from: TokenType, to: TokenType) -> TokenExchangeRequest<'_> {
    TokenExchangeRequest {
        subject_token: subject,
        subject_token_type: from,
        requested_token_type: to,
        scope: None,
        resource: None,
        name: None,
        expires_in: None,
        peer: None,
    }
}

/// A refresh token under one.
fn delegation(subject: &str) -> TokenExchangeRequest<'_> {
    asks(subject, TokenType::RefreshToken, TokenType::RefreshToken)
}

/// An access token out of another.
fn narrowing(subject: &str) -> TokenExchangeRequest<'_> {
    asks(subject, TokenType::AccessToken, TokenType::AccessToken)
}

fn lead(world: &World) -> Issued {
    world.issue(|request| {
        request.scopes = scopes(&["orders", "reports", READ]);
        request.owner = Some("alice".to_owned());
        request.conduct.may_delegate = true;
    })
}

fn refusal(world: &World, request: &TokenExchangeRequest<'_>) -> TokenExchangeError {
    world.authority.exchange_token(request).map(|_| ()).unwrap_err()
}

fn verdict(world: &World, token: &TokenExchanged) -> Result<(), Refusal> {
    world.verifier().verify(&token.token, world.now()).map(|_| ())
}

#[test]
fn a_holder_gives_a_child_fewer_scopes_and_its_end_is_the_childs() {
    let world = World::new();
    let lead = lead(&world);
    let child = TokenExchangeRequest { scope: Some("reports"), name: Some("reporter"), ..delegation(&lead.secret) };
    let child = world.authority.exchange_token(&child).unwrap();
    assert_eq!((child.token_type, child.scope.as_str(), child.jti), (TokenType::RefreshToken, "reports", None));
    let shown = world.authority.show(&child.client.to_string()).unwrap();
    assert_eq!((shown.parent, shown.depth), (Some(lead.token.id), 1));
    assert_eq!((shown.name.as_str(), shown.owner.as_deref()), ("reporter", Some("alice")));
    assert_eq!(shown.created_by, lead.token.id.to_string());
    assert!(!shown.conduct.may_delegate, "what may delegate is for an administrator to say");
    let access = world.authority.exchange(&child.token, &PLAIN).unwrap();
    assert_eq!(world.verdict(&access), Ok(()));

    world.delete(&lead);
    assert_eq!(world.verdict(&access), Err(Refusal::Cut));
    assert!(world.authority.exchange(&child.token, &PLAIN).is_err());
    assert_eq!(world.authority.show(&child.client.to_string()).unwrap().state, State::Deleted);
}

#[test]
fn a_child_has_no_administrative_scope_unless_it_is_asked_for() {
    let world = World::new();
    let lead = lead(&world);
    let asked = |scope| world.authority.exchange_token(&TokenExchangeRequest { scope, ..delegation(&lead.secret) });
    assert_eq!(asked(None).unwrap().scope, "orders reports");
    assert_eq!(asked(Some("jeton:read orders")).unwrap().scope, "jeton:read orders");
    for wider in [ADMIN, "Orders", "orders payments", " orders", "orders  reports"] {
        assert_eq!(asked(Some(wider)).map(|_| ()), Err(TokenExchangeError::InvalidScope), "{wider:?}");
    }
}

#[test]
fn only_a_record_that_says_so_and_settings_that_allow_it_let_a_holder_delegate() {
    let world = World::new();
    let plain = world.issue(|request| request.scopes = scopes(&["orders"]));
    assert_eq!(refusal(&world, &delegation(&plain.secret)), TokenExchangeError::DelegationRefused);
    let access = world.exchange(&plain);
    let from_access = asks(&access.access_token, TokenType::AccessToken, TokenType::RefreshToken);
    assert_eq!(refusal(&world, &from_access), TokenExchangeError::DelegationRefused);
}

#[test]
fn a_childs_time_is_within_its_parents() {
    let world = World::new();
    let lead = world.issue(|request| {
        request.expiry = jeton_policy::authority::Expiry::After(Seconds(1_000));
        request.conduct.may_delegate = true;
    });
    let asked = |seconds| TokenExchangeRequest { expires_in: seconds, ..delegation(&lead.secret) };
    assert_eq!(world.authority.exchange_token(&asked(None)).unwrap().expires_in, Some(Seconds(1_000)));
    assert_eq!(world.authority.exchange_token(&asked(Some(Seconds(10)))).unwrap().expires_in, Some(Seconds(10)));
    for bad in [0, 1_001] {
        assert_eq!(refusal(&world, &asked(Some(Seconds(bad)))), TokenExchangeError::InvalidMember);
    }
    let name = TokenExchangeRequest { name: Some(" x"), ..delegation(&lead.secret) };
    assert_eq!(refusal(&world, &name), TokenExchangeError::InvalidMember);
}

#[test]
fn whatever_is_no_good_subject_is_refused_in_the_same_words() {
    let world = World::new();
    let (dead, good) = (lead(&world), lead(&world));
    let cut = world.exchange(&dead);
    world.delete(&dead);
    for subject in ["", "x", &dead.secret, &cut.access_token, &good.secret.replace("jtn_rt_", "jtn_rx_")] {
        for (from, to) in [
            (TokenType::RefreshToken, TokenType::RefreshToken),
            (TokenType::RefreshToken, TokenType::AccessToken),
            (TokenType::AccessToken, TokenType::AccessToken),
        ] {
            assert_eq!(refusal(&world, &asks(subject, from, to)), TokenExchangeError::InvalidSubject, "{subject}");
        }
    }
    assert_eq!(
        refusal(&world, &narrowing(&good.secret)),
        TokenExchangeError::InvalidSubject,
        "not what it is said to be"
    );
}

#[test]
fn a_refresh_token_gives_the_same_access_token_as_by_rfc_6749() {
    let world = World::new();
    let lead = lead(&world);
    let asked = asks(&lead.secret, TokenType::RefreshToken, TokenType::AccessToken);
    let given = world.authority.exchange_token(&TokenExchangeRequest { scope: Some("orders"), ..asked }).unwrap();
    assert_eq!((given.token_type, given.expires_in), (TokenType::AccessToken, Some(Seconds(900))));
    assert_eq!((given.scope.as_str(), given.client), ("orders", lead.token.id));
    assert_eq!(verdict(&world, &given), Ok(()));
}

#[test]
fn an_access_token_gives_one_that_ends_with_it_and_dies_with_it() {
    let world = World::new();
    let lead = lead(&world);
    let subject = world.exchange(&lead);
    world.clock.pass(400);
    let narrow = TokenExchangeRequest { scope: Some("orders"), ..narrowing(&subject.access_token) };
    let narrow = world.authority.exchange_token(&narrow).unwrap();
    assert_eq!(narrow.expires_in, Some(Seconds(500)));
    let mut verifier = world.verifier();
    let (claims, _) = verifier.claims(&narrow.token, world.now()).unwrap();
    assert_eq!((claims.sub.as_ref(), claims.scope.as_ref()), ("alice", "orders"));
    assert_eq!(claims.client_id, lead.token.id.to_string());
    assert_eq!((claims.iat, claims.exp), (Seconds(START + 400), Seconds(START + 900)));
    assert_eq!(claims.lin.first().unwrap(), &subject.jti.to_string());
    let sibling = world.exchange(&lead);

    // The subject alone is given back: what came from it is dead, what came from its refresh token is not.
    assert!(matches!(world.authority.revoke(&subject.access_token), Ok(Revocation::AccessToken(_))));
    assert_eq!(verdict(&world, &narrow), Err(Refusal::Cut));
    assert_eq!(world.verdict(&sibling), Ok(()));
    assert_eq!(refusal(&world, &narrowing(&subject.access_token)), TokenExchangeError::InvalidSubject);
}

#[test]
fn an_access_token_never_widens_by_exchange() {
    let world = World::new();
    let lead = lead(&world);
    let subject = world.authority.exchange(&lead.secret, &ExchangeRequest { scope: Some("orders"), ..PLAIN }).unwrap();
    let wider = TokenExchangeRequest { scope: Some("orders reports"), ..narrowing(&subject.access_token) };
    assert_eq!(refusal(&world, &wider), TokenExchangeError::InvalidScope);
    // One for the issuer is bound to nobody yet; one that is bound stays bound.
    let bound = TokenExchangeRequest { resource: Some("https://a.example"), ..narrowing(&subject.access_token) };
    let bound = world.authority.exchange_token(&bound).unwrap();
    let again = |resource| TokenExchangeRequest { resource, ..narrowing(&bound.token) };
    let kept = world.authority.exchange_token(&again(None)).unwrap();
    assert_eq!(world.verifier().claims(&kept.token, world.now()).unwrap().0.aud, "https://a.example");
    for other in ["https://b.example", ISSUER, "no uri", "https://a.example#part"] {
        assert_eq!(refusal(&world, &again(Some(other))), TokenExchangeError::InvalidTarget, "{other}");
    }
}

#[test]
fn each_exchange_of_an_access_token_is_a_level_and_eight_are_all() {
    let world = World::new();
    let mut issued = world.issue(|_| {});
    for _ in 0..5 {
        issued = world.child_of(&issued);
    }
    let mut token = world.exchange(&issued).access_token;
    for _ in 0..3 {
        token = world.authority.exchange_token(&narrowing(&token)).unwrap().token.to_string();
    }
    assert!(token.len() < 4096);
    assert_eq!(world.verifier().verify(&token, world.now()).map(|_| ()), Ok(()));
    assert_eq!(refusal(&world, &narrowing(&token)), TokenExchangeError::DelegationRefused);
}

#[test]
fn a_delegation_of_nine_levels_is_refused() {
    let world = World::new();
    let mut issued = lead(&world);
    for _ in 0..8 {
        issued = world.issue(|request| {
            request.parent = Some(issued.token.id.to_string());
            request.conduct.may_delegate = true;
        });
    }
    assert_eq!(refusal(&world, &delegation(&issued.secret)), TokenExchangeError::DelegationRefused);
}

#[test]
fn networks_hold_at_exchange_and_go_into_access_tokens_where_asked_for() {
    let world = World::new();
    let parent = world.issue(|request| {
        request.bindings.networks = scopes(&["10.0.0.0/8", "2001:db8::/32"]);
        request.bindings.networks_in_access_tokens = true;
        request.conduct.may_delegate = true;
    });
    let child = world.issue(|request| {
        request.parent = Some(parent.token.id.to_string());
        request.bindings.networks = scopes(&["10.1.0.0/16"]);
    });
    for peer in [OUTSIDE, None, Some(Address::V4([10, 2, 0, 0]))] {
        assert!(world.authority.exchange(&child.secret, &ExchangeRequest { peer, ..PLAIN }).is_err());
    }
    let access = world.authority.exchange(&child.secret, &ExchangeRequest { peer: INSIDE, ..PLAIN }).unwrap();
    assert_eq!(world.verifier().claims(&access.access_token, world.now()).unwrap().0.net, ["10.1.0.0/16"]);
    for peer in [OUTSIDE, None] {
        let asked = TokenExchangeRequest { peer, ..narrowing(&access.access_token) };
        assert_eq!(refusal(&world, &asked), TokenExchangeError::InvalidSubject);
        let asked = TokenExchangeRequest { peer, ..delegation(&parent.secret) };
        assert_eq!(refusal(&world, &asked), TokenExchangeError::InvalidSubject);
    }
    let asked = TokenExchangeRequest { peer: INSIDE, ..narrowing(&access.access_token) };
    let narrow = world.authority.exchange_token(&asked).unwrap();
    assert_eq!(world.verifier().claims(&narrow.token, world.now()).unwrap().0.net, ["10.1.0.0/16"]);
}

#[test]
fn a_delegation_counts_and_rotates_like_any_presentation() {
    let world = World::new();
    let lead = world.issue(|request| {
        request.conduct.may_delegate = true;
        request.conduct.rotates_on_use = true;
        request.bindings.max_exchanges = Some(2);
    });
    let first = world.authority.exchange_token(&delegation(&lead.secret)).unwrap();
    let successor = first.refresh_token.unwrap();
    assert!(world.authority.exchange(&first.token, &PLAIN).is_ok(), "the child is a token of its own");
    world.authority.exchange_token(&delegation(&successor)).unwrap();
    assert_eq!(world.authority.show(&lead.token.id.to_string()).unwrap().exchanges_left, Some(0));
    let spent = refusal(&world, &delegation(&lead.secret));
    assert_eq!(spent, TokenExchangeError::InvalidSubject);
}

#[test]
fn a_refused_delegation_spends_nothing() {
    let world = World::new();
    let lead = world.issue(|request| {
        request.scopes = scopes(&["orders"]);
        request.conduct.may_delegate = true;
        request.bindings.max_exchanges = Some(1);
    });
    let wider = TokenExchangeRequest { scope: Some("payments"), ..delegation(&lead.secret) };
    assert_eq!(refusal(&world, &wider), TokenExchangeError::InvalidScope);
    assert_eq!(world.authority.show(&lead.token.id.to_string()).unwrap().exchanges_left, Some(1));
    world.authority.exchange_token(&delegation(&lead.secret)).unwrap();
}

#[test]
fn a_shorter_ttl_never_lengthens_what_an_access_token_gives() {
    let world = World::new();
    let lead = lead(&world);
    let subject = world.exchange(&lead);
    let longer = SettingsChange { access_token_expiration: Some(Seconds(86_400)), ..SettingsChange::default() };
    world.authority.set_settings(&Actor::Machine, &longer, None, false).unwrap();
    let narrow = world.authority.exchange_token(&narrowing(&subject.access_token)).unwrap();
    assert_eq!(narrow.expires_in, Some(Seconds(900)));
}

#[test]
fn every_refusal_of_a_child_has_its_word_in_the_protocol() {
    let words = [
        (IssueError::Unavailable, TokenExchangeError::Unavailable),
        (IssueError::ClockBehind, TokenExchangeError::ClockBehind),
        (IssueError::ParentNotFound, TokenExchangeError::InvalidSubject),
        (IssueError::ParentEnded, TokenExchangeError::InvalidSubject),
        (IssueError::TooDeep, TokenExchangeError::DelegationRefused),
        (IssueError::TooManyScopes, TokenExchangeError::InvalidScope),
        (IssueError::ScopeBeyondParent, TokenExchangeError::InvalidScope),
        (IssueError::AudienceMalformed, TokenExchangeError::InvalidTarget),
        (IssueError::AudienceBeyondParent, TokenExchangeError::InvalidTarget),
        (IssueError::NameTooLong, TokenExchangeError::InvalidMember),
        (IssueError::ExpiryInThePast, TokenExchangeError::InvalidMember),
    ];
    for (refusal, word) in words {
        assert_eq!(TokenExchangeError::from(refusal), word, "{refusal:?}");
    }
}
