//! A running authority, its beginning, and a story told to it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

use jeton_runtime::{
    Authority, Class, Lent, Policy, PoolSizes, RootKey,
    wit::{epochs::Boot, exchange::ExchangeRequest, refresh_tokens::IssueRequest, types::Actor},
};
use zeroize::Zeroizing;

use super::{calls, story::Story};
use crate::{
    choices::Choices,
    reached::Reached,
    world::{ISSUER, ROOT_KEY, ResettableStore, START},
};

/// The most calls of a story.
const MOST: usize = 12;

/// An authority, and how every story begins.
struct Running {
    authority: Authority,
    store: Arc<ResettableStore>,
    beginning: Story,
}

thread_local! {
    static RUNNING: Running = start();
}

fn start() -> Running {
    let policy = Policy::embedded().expect("the policy that the binary carries");
    let store = Arc::new(ResettableStore::default());
    let lent = Lent::new(Arc::clone(&store) as _, Some(RootKey::from_bytes(Zeroizing::new(ROOT_KEY))))
        .with_clock(Arc::new(|| (START, 0)));
    let sizes = PoolSizes {
        exchange: 1,
        exchange_committing: 0,
        exchange_queue: 1,
        administration: 1,
        administration_queue: 1,
        reading: 1,
        reading_queue: 1,
    };
    let authority = Authority::start(&policy, lent, sizes).expect("an authority");
    let beginning = authority.call_blocking(Class::Administration, |call| {
        let mut story = Story::default();
        call.configure(Some(ISSUER), "")?.expect("a good issuer");
        call.begin(Boot::Advance, None)?.expect("a first epoch");
        for (name, scopes) in
            [("asker", &["jeton:introspect", "orders"][..]), ("backup", &[]), ("rotating", &["orders"])]
        {
            let request = IssueRequest {
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
                owner: Some("alice".to_owned()),
                may_delegate: name == "asker",
                rotates_on_use: name == "rotating",
                ..IssueRequest::named(name)
            };
            let issued = call.issue(&Actor::Machine, &request)?.expect("a good request");
            let secret = issued.secret.expect("it is shown once");
            let request = ExchangeRequest { refresh_token: secret.clone(), scope: None, resource: None, peer: None };
            let exchanged = call.exchange(&request)?.expect("a good secret");
            story.secrets.push(secret);
            story.secrets.extend(exchanged.refresh_token);
            story.ids.push(issued.token.id);
            story.access.push(exchanged.access_token);
            story.jtis.push(exchanged.jti);
        }
        story.documents.push(call.snapshot()?.expect("a live set"));
        Ok(story)
    });
    store.mark();
    Running { authority, store, beginning: beginning.expect("no trap at the beginning") }
}

/// Tells a story; gives what was given out in it.
pub(super) fn tell(data: &[u8], reached: &mut Reached) -> Story {
    RUNNING.with(|running| {
        running.store.reset();
        let (mut story, data) = (running.beginning.clone(), data.to_vec());
        // The pool catches what panics in a call: it is carried past it.
        let told = running.authority.call_blocking(Class::Administration, move |call| {
            let told = catch_unwind(AssertUnwindSafe(|| {
                let mut choices = Choices::new(&data);
                for _ in 0..MOST {
                    calls::one(call, &mut choices, &mut story).unwrap_or_else(|trap| panic!("a trap: {trap:#}"));
                    if choices.is_over() {
                        break;
                    }
                }
                story
            }));
            // After a trap the instance is spoiled; an error gets it replaced.
            match told {
                Ok(story) => Ok(Ok(story)),
                Err(panic) => Ok(Err(panic)),
            }
        });
        let mut story = told.expect("a call that neither traps nor waits").unwrap_or_else(|panic| resume_unwind(panic));
        story.note(reached);
        story
    })
}
