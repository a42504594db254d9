//! One call of one export of the authority's world, and what must hold of its answer.

use jeton_policy::{
    live::Written,
    network::Networks,
    refresh_token::RefreshToken,
    scope::{ADMIN, RESERVED_PREFIX, Scopes},
    token_id::TokenId,
};
use jeton_runtime::{
    AuthorityCall,
    wit::{
        configuration::SettingsChange,
        epochs::{Algorithm, Boot},
        exchange::{ExchangeRequest, Revocation, TokenExchangeRequest, TokenType},
        explanations::Subject,
        live::Change as LiveChange,
        refresh_tokens::{Change, IssueRequest, Query, RefreshToken as Shown, Sort, Span, State},
        transfer::{ExportedToken, Imported},
        types::Actor,
        upkeep::Use,
    },
};

use super::story::{self, Story, hostile, maybe};
use crate::choices::Choices;

/// Calls one export.
///
/// # Errors
/// A trap.
pub(super) fn one(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    match choices.below(32) {
        0..4 => exchange(call, choices, story),
        4..7 => exchange_token(call, choices, story),
        7..11 => issue(call, choices, story),
        11 => {
            let id = story.id(choices);
            let shown = call.show(&id)?;
            assert!(shown.as_ref().is_ok_and(|shown| shown.id == id) || shown.is_err());
            story.outcome(shown.is_ok(), "show: granted", "show: refused");
            Ok(())
        }
        12..15 => list(call, choices, story),
        15..18 => edit(call, choices, story),
        18 => rotate(call, choices, story),
        19 | 20 => revoke(call, choices, story),
        21 => delete(call, choices, story),
        22 => delete_otherwise(call, choices, story),
        23 => explain(call, choices, story),
        24 => export(call, choices, story),
        25 => import(call, choices, story),
        26 => settings(call, choices, story),
        27 => epochs(call, choices, story),
        28 => upkeep(call, choices, story),
        _ => live(call, choices, story),
    }
}

fn exchange(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let request = ExchangeRequest {
        refresh_token: story.secret(choices),
        scope: maybe(choices, |choices| story::scopes(choices).join(" ")),
        resource: maybe(choices, |choices| story::audiences(choices).pop().unwrap_or_default()),
        peer: story::peer(choices),
    };
    let exchanged = call.exchange(&request)?;
    story.outcome(exchanged.is_ok(), "exchange: granted", "exchange: refused");
    if let Ok(exchanged) = exchanged {
        assert!(story.secrets.contains(&request.refresh_token), "{:?} was never given out", request.refresh_token);
        assert!(exchanged.expires_in <= 86_400 && exchanged.access_token.len() <= 4_096);
        if let Some(asked) = &request.scope {
            assert_eq!(Scopes::parse(asked).map(|scopes| scopes.joined()).as_ref(), Ok(&exchanged.scope));
        }
        story.access.push(exchanged.access_token);
        story.jtis.push(exchanged.jti);
        story.secrets.extend(exchanged.refresh_token);
    }
    Ok(())
}

fn exchange_token(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let types = [TokenType::AccessToken, TokenType::RefreshToken];
    let subject_token_type = choices.one_of(&types);
    let is_refresh = matches!(subject_token_type, TokenType::RefreshToken);
    let request = TokenExchangeRequest {
        subject_token: if is_refresh { story.secret(choices) } else { story.access_token(choices) },
        subject_token_type,
        requested_token_type: choices.one_of(&types),
        scope: maybe(choices, |choices| story::scopes(choices).join(" ")),
        resource: maybe(choices, |choices| story::audiences(choices).pop().unwrap_or_default()),
        name: maybe(choices, story::name),
        expires_in: maybe(choices, story::span),
        peer: story::peer(choices),
    };
    let exchanged = call.exchange_token(&request)?;
    story.outcome(exchanged.is_ok(), "exchange-token: granted", "exchange-token: refused");
    if let Ok(exchanged) = exchanged {
        let known = if is_refresh { &story.secrets } else { &story.access };
        assert!(known.contains(&request.subject_token), "{:?} was never given out", request.subject_token);
        story.secrets.extend(exchanged.refresh_token);
        story.jtis.extend(exchanged.jti);
        match exchanged.token_type {
            TokenType::AccessToken => story.access.push(exchanged.token),
            TokenType::RefreshToken => {
                assert!(is_refresh, "an access token gave a refresh token");
                story.secrets.push(exchanged.token);
                story.ids.push(exchanged.client_id);
            }
        }
    }
    Ok(())
}

fn issue(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let actor = story.actor(choices);
    let request = IssueRequest {
        expiry: story::expiry(choices),
        scopes: story::scopes(choices),
        parent: maybe(choices, |choices| story.id(choices)),
        owner: maybe(choices, story::owner),
        access_ttl: maybe(choices, story::span),
        bindings: story::bindings(choices),
        may_delegate: choices.flag(),
        rotates_on_use: choices.flag(),
        idempotency_key: maybe(choices, |choices| if choices.flag() { "again".to_owned() } else { hostile(choices) }),
        ..IssueRequest::named(&story::name(choices))
    };
    let issued = call.issue(&actor, &request)?;
    story.outcome(issued.is_ok(), "issue: granted", "issue: refused");
    if let Ok(issued) = issued {
        if let Some(secret) = issued.secret {
            assert_eq!(issued.token.name, request.name);
            let id = RefreshToken::parse(&secret).expect("a refresh token").id().to_string();
            assert_eq!(id, issued.token.id);
            story.secrets.push(secret);
        }
        is_sound(&issued.token, Some(&actor));
        story.ids.push(issued.token.id);
    }
    Ok(())
}

/// What is shown of a token keeps to the published bounds; what an actor granted, they had.
fn is_sound(token: &Shown, by: Option<&Actor>) {
    let length = token.name.chars().count();
    assert!((1..=200).contains(&length) && !token.name.chars().any(char::is_control), "{:?}", token.name);
    assert_eq!(token.name.trim_matches(' '), token.name);
    let scopes = Scopes::new(&token.scopes).expect("scopes");
    assert_eq!(scopes.as_slice(), token.scopes);
    assert!(Networks::new(&token.bindings.networks).is_ok());
    assert!(token.bindings.audiences.len() <= 8 && token.bindings.audiences.iter().all(|one| one.len() <= 200));
    let is_owner = |owner: &String| {
        (1..=200).contains(&owner.len())
            && owner.bytes().all(|byte| byte.is_ascii_graphic())
            && TokenId::parse(owner).is_none()
    };
    assert!(token.owner.as_ref().is_none_or(is_owner), "{:?}", token.owner);
    assert!((1..=86_400).contains(&token.access_ttl) && token.depth <= 8);
    assert!(token.expires_at.is_none_or(|moment| moment <= 253_402_300_799));
    if let Some(Actor::Token(acting)) = by {
        let holds = |scope: &String| acting.scopes.iter().any(|held| held == scope || held == ADMIN);
        assert!(
            token.scopes.iter().filter(|scope| scope.starts_with(RESERVED_PREFIX)).all(holds),
            "granted what it lacks"
        );
    }
}

fn list(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let states = [State::Active, State::Disabled, State::Expired, State::Deleted];
    let span = |choices: &mut Choices<'_>| match choices.below(4) {
        0 => Span { from: maybe(choices, story::moment), until: maybe(choices, story::moment) },
        _ => Span { from: None, until: None },
    };
    let query = Query {
        state: maybe(choices, |choices| choices.one_of(&states)),
        name: maybe(choices, story::name),
        name_contains: if choices.below(4) == 0 { Some(story::name(choices)) } else { None },
        owner: if choices.below(4) == 0 { Some(story::owner(choices)) } else { None },
        parent: if choices.below(4) == 0 { Some(story.id(choices)) } else { None },
        created: span(choices),
        expires: span(choices),
        last_used: span(choices),
        never_used: choices.below(8) == 0,
        sort: maybe(choices, |choices| choices.one_of(&[Sort::Created, Sort::Name, Sort::Expires, Sort::LastUsed])),
        descending: choices.flag(),
        limit: choices.one_of(&[1, 1, 2, 1_000, 0, 1_001, u32::MAX]),
        cursor: if choices.below(3) == 0 { story.cursor(choices) } else { None },
    };
    let page = call.list(&query)?;
    story.outcome(page.is_ok(), "list: granted", "list: refused");
    if let Ok(page) = page {
        assert!((1..=1_000).contains(&query.limit) && page.items.len() <= query.limit as usize);
        assert!(query.cursor.is_none_or(|cursor| story.cursors.contains(&cursor)), "a cursor that was never given out");
        for token in &page.items {
            is_sound(token, None);
            assert!(query.name.as_ref().is_none_or(|name| token.name.starts_with(name)));
            assert!(query.owner.is_none() || token.owner == query.owner);
        }
        story.cursors.extend(page.next);
    }
    Ok(())
}

fn edit(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let (actor, id) = (story.actor(choices), story.id(choices));
    let mut change = Change { note: story::note(choices), ..Change::default() };
    for _ in 0..=choices.below(3) {
        match choices.below(11) {
            0 => change.name = Some(story::name(choices)),
            1 => change.expiry = Some(story::expiry(choices)),
            2 => change.enabled = Some(choices.flag()),
            3 => change.scopes = Some(story::scopes(choices)),
            4 => change.access_ttl = Some(maybe(choices, story::span)),
            5 => change.not_before = Some(maybe(choices, story::moment)),
            6 => change.networks = Some(story::networks(choices)),
            7 => change.networks_in_access_tokens = Some(choices.flag()),
            8 => change.audiences = Some(story::audiences(choices)),
            9 => change.max_exchanges = Some(maybe(choices, |choices| choices.number_near(3))),
            _ => (change.may_delegate, change.rotates_on_use) = (Some(choices.flag()), Some(choices.flag())),
        }
    }
    let edited = call.edit(&actor, &id, &change, maybe(choices, |choices| choices.number_near(1)))?;
    story.outcome(edited.is_ok(), "edit: granted", "edit: refused");
    if let Ok(token) = edited {
        assert_eq!(token.id, id);
        is_sound(&token, Some(&actor));
    }
    Ok(())
}

fn rotate(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let (actor, id) = (story.actor(choices), story.id(choices));
    let overlap = choices.one_of(&[0, 0, 1, 604_800, 604_801, u64::MAX]);
    let rotated = call.rotate(&actor, &id, overlap, maybe(choices, |choices| choices.number_near(1)))?;
    story.outcome(rotated.is_ok(), "rotate: granted", "rotate: refused");
    if let Ok(rotated) = rotated {
        assert!(rotated.token.id == id && overlap <= 604_800);
        story.secrets.extend(rotated.secret);
    }
    Ok(())
}

fn revoke(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let token = if choices.flag() { story.secret(choices) } else { story.access_token(choices) };
    let revoked = call.revoke(&token)?;
    match &revoked {
        Ok(Revocation::RefreshToken(id)) => assert!(story.secrets.contains(&token) && story.ids.contains(id)),
        Ok(Revocation::AccessToken(jti)) => assert!(story.access.contains(&token) && story.jtis.contains(jti)),
        Ok(Revocation::Nothing) | Err(_) => {}
    }
    story.outcome(!matches!(revoked, Ok(Revocation::Nothing)), "revoke: ended", "revoke: nothing");
    Ok(())
}

fn delete(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let count = choices.one_of(&[1, 1, 2, 3, 1_000, 1_001]);
    let ids: Vec<String> = (0..count).map(|_| story.id(choices)).collect();
    let deleted = call.delete(&story.actor(choices), &ids, story::reason(choices), story::note(choices).as_deref())?;
    story.outcome(deleted.is_ok(), "delete: granted", "delete: refused");
    if let Ok(deleted) = deleted {
        assert!(count <= 1_000 && deleted.results.len() == count);
    }
    Ok(())
}

fn delete_otherwise(
    call: &mut AuthorityCall<'_>,
    choices: &mut Choices<'_>,
    story: &mut Story,
) -> wasmtime::Result<()> {
    let (actor, reason, note) = (story.actor(choices), story::reason(choices), story::note(choices));
    if choices.flag() {
        let deleted = call.delete_owned(&actor, &story::owner(choices), reason, note.as_deref())?;
        story.outcome(deleted.is_ok(), "delete-owned: granted", "delete-owned: refused");
    } else {
        let jti = story.jti(choices);
        let deleted = call.delete_access_token(&actor, &jti, reason, note.as_deref())?;
        story.outcome(deleted.is_ok(), "delete-access-token: granted", "delete-access-token: refused");
    }
    Ok(())
}

fn explain(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let subject = match choices.below(4) {
        0 => Subject::TokenId(story.id(choices)),
        1 => Subject::Jti(story.jti(choices)),
        2 => Subject::Token(story.secret(choices)),
        _ => Subject::Token(story.access_token(choices)),
    };
    let explained = call.explain(&subject)?;
    story.outcome(explained.is_ok(), "explain: granted", "explain: refused");
    if let Ok(explanation) = explained {
        assert_ne!(explanation.alive, explanation.cause.is_some());
        if let (true, Subject::Token(token)) = (explanation.alive, &subject) {
            assert!(story.secrets.contains(token) || story.access.contains(token), "{token:?} was never given out");
        }
    }
    Ok(())
}

fn export(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let (limit, cursor) = (choices.one_of(&[1, 1_000, 0, 1_001]), story.cursor(choices));
    let page = call.export(limit, cursor.as_deref())?;
    story.outcome(page.is_ok(), "export: granted", "export: refused");
    if let Ok(page) = page {
        assert!((1..=1_000).contains(&limit) && page.items.len() <= limit as usize);
        assert!(cursor.is_none_or(|cursor| story.cursors.contains(&cursor)), "a cursor that was never given out");
        story.cursors.extend(page.next);
        if choices.flag() {
            let imported = call.import(&Actor::Machine, &page.items)?;
            assert!(imported.is_err() || imported.is_ok_and(|results| results.len() == page.items.len()));
        }
    }
    Ok(())
}

fn import(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let mut tokens = Vec::new();
    let mut secrets = Vec::new();
    for _ in 0..=choices.below(3) {
        let known = RefreshToken::new(TokenId(choices.array()), choices.array());
        let digest = known.digest().0.to_vec();
        tokens.push(ExportedToken {
            id: if choices.below(4) == 0 { story.id(choices) } else { known.id().to_string() },
            name: story::name(choices),
            owner: maybe(choices, story::owner),
            parent: maybe(choices, |choices| story.id(choices)),
            scopes: story::scopes(choices),
            created_at: story::moment(choices),
            created_by: hostile(choices),
            expires_at: maybe(choices, story::moment),
            access_ttl: maybe(choices, story::span),
            bindings: story::bindings(choices),
            may_delegate: choices.flag(),
            rotates_on_use: choices.flag(),
            secret_sha256: maybe(
                choices,
                |choices| if choices.below(4) == 0 { choices.bytes(40).to_vec() } else { digest },
            ),
            last_use: None,
            exchanges_left: maybe(choices, |choices| choices.number_near(3)),
            disabled: None,
            ending: None,
        });
        secrets.push(known.reveal().to_string());
    }
    let imported = call.import(&story.actor(choices), &tokens)?;
    story.outcome(imported.is_ok(), "import: granted", "import: refused");
    if let Ok(results) = imported {
        assert_eq!(results.len(), tokens.len());
        for ((result, token), secret) in results.iter().zip(tokens).zip(secrets) {
            if matches!(result, Imported::Imported) {
                story.ids.push(token.id);
                story.secrets.push(secret);
            }
        }
    }
    Ok(())
}

fn settings(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let mut change = SettingsChange::default();
    for _ in 0..=choices.below(3) {
        match choices.below(11) {
            0 => change.access_token_expiration = Some(story::span(choices)),
            1 => change.access_token_minimum = Some(story::span(choices)),
            2 => change.access_token_maximum = Some(story::span(choices)),
            3 => change.refresh_token_expiration = Some(choices.number_near(7_776_000)),
            4 => change.refresh_token_maximum = Some(maybe(choices, |choices| choices.number_near(7_776_000))),
            5 => change.never_allowed = Some(choices.flag()),
            6 => change.unique_names = Some(choices.flag()),
            7 => change.scopes = Some(maybe(choices, story::scopes)),
            8 => change.delegation_levels = Some(choices.number_near(8) as u32),
            9 => change.holder_delegation = Some(choices.flag()),
            _ => change.tombstone_retention = Some(choices.number_near(86_400)),
        }
    }
    match choices.below(4) {
        0 => {
            let previewed = call.preview_settings(&change, story.cursor(choices).as_deref())?;
            story.outcome(previewed.is_ok(), "preview: granted", "preview: refused");
            story.cursors.extend(previewed.ok().and_then(|previewed| previewed.next));
        }
        1 => {
            let issuer = hostile(choices);
            let configured = call.configure(maybe(choices, |_| issuer.as_str()), &hostile(choices))?;
            assert!(configured.is_err() || configured.is_ok_and(|issuer| issuer == crate::world::ISSUER));
            story.outcome(call.settings()?.is_ok(), "settings: read", "settings: not read");
        }
        _ => {
            let generation = maybe(choices, |choices| choices.number_near(1));
            let set = call.set_settings(&story.actor(choices), &change, generation, choices.flag())?;
            story.outcome(set.is_ok(), "settings: changed", "settings: refused");
            if let Ok(settings) = set {
                assert!((1..=86_400).contains(&settings.access_token_expiration));
                assert!((1..=3_153_600_000).contains(&settings.refresh_token_expiration));
                assert!(settings.delegation_levels <= 8);
            }
        }
    }
    Ok(())
}

fn epochs(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    let before = call.current_epoch()?.map_or(0, |epoch| epoch.number);
    let actor = story.actor(choices);
    // A key of RSA has to be searched for: a thousand stories would take a quarter of an hour.
    let algorithms = [None, Some(Algorithm::Eddsa), Some(Algorithm::Es256), Some(Algorithm::Rs256)];
    let algorithm = algorithms[if choices.byte() == 255 { 3 } else { choices.below(3) }];
    let (after, is_new) = match choices.below(4) {
        0 => (call.begin(Boot::Resume, algorithm)?.ok(), false),
        1 => (call.begin(Boot::Advance, algorithm)?.ok(), true),
        _ => (call.advance(&actor, algorithm)?.ok(), true),
    };
    let Some(after) = after.map(|epoch| epoch.number) else {
        assert!(matches!(actor, Actor::Token(_)), "the machine may advance");
        story.outcome(false, "", "epoch: refused");
        return Ok(());
    };
    assert!(if is_new { after > before } else { after == before });
    story.outcome(is_new, "epoch: begun", "epoch: resumed");
    Ok(())
}

fn upkeep(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    match choices.below(5) {
        0 => story.outcome(call.sweep()?.is_ok(), "sweep: done", "sweep: refused"),
        1 => {
            let count = choices.one_of(&[0, 1, 2, 1_000, 1_001]);
            let uses: Vec<Use> = (0..count)
                .map(|_| Use {
                    id: story.id(choices),
                    at: story::moment(choices),
                    address: maybe(choices, hostile),
                    count: choices.number_near(1),
                })
                .collect();
            story.outcome(call.note_uses(&uses)?.is_ok(), "note-uses: done", "note-uses: refused");
        }
        2 => story.outcome(call.open_uses()?.is_ok(), "open-uses: done", "open-uses: refused"),
        3 => story.outcome(call.close_uses()?.is_ok(), "close-uses: done", "close-uses: refused"),
        _ => {
            story.outcome(call.read_clock()?.is_ok(), "read-clock: done", "read-clock: refused");
            story.outcome(call.accept_clock(choices.flag())?.is_ok(), "accept-clock: done", "accept-clock: refused");
        }
    }
    Ok(())
}

fn live(call: &mut AuthorityCall<'_>, choices: &mut Choices<'_>, story: &mut Story) -> wasmtime::Result<()> {
    match choices.below(4) {
        0 => {
            let changes: Vec<LiveChange> = (0..choices.below(4))
                .map(|_| {
                    let prefix: &[u8] = choices.one_of(&[b"live/cut/", b"live/", b"live/epoch", b""]);
                    let mut key = prefix.to_vec();
                    key.extend_from_slice(choices.bytes(30));
                    LiveChange { key, value: maybe(choices, |choices| choices.bytes(40).to_vec()) }
                })
                .collect();
            let delta = call.delta(choices.number(), choices.number(), &changes)?;
            story.outcome(delta.is_ok(), "delta: given", "delta: refused");
            if let Ok(document) = delta {
                assert!(matches!(Written::parse(&document), Ok(Written::Delta(_))));
                story.documents.push(document);
            }
        }
        1 => {
            let keys = call.key_set()?.expect("an epoch");
            assert!(serde_json::from_slice::<serde_json::Value>(&keys).is_ok());
            story.outcome(true, "key-set: given", "");
        }
        _ => {
            let document = call.snapshot()?.expect("an epoch");
            assert!(matches!(Written::parse(&document), Ok(Written::Whole(_))));
            story.documents.push(document);
            story.outcome(true, "snapshot: given", "");
        }
    }
    Ok(())
}
