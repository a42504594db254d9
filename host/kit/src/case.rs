//! A case: what must hold, and how it is tried.

use std::borrow::Cow;

use jeton_runtime::sandbox::{Kind, Sandbox};

use crate::failure::{Failure, Verdict};
use crate::subject::Subject;
use crate::{Description, Outcome, vectors};

/// A case.
pub(crate) struct Case {
    id: Cow<'static, str>,
    world: Kind,
    holds: Cow<'static, str>,
    how: How,
}

enum How {
    /// It looks at the component from outside.
    Look(fn(&Subject) -> Verdict),
    /// It runs the component.
    Run(fn(&Sandbox) -> Verdict),
    /// It compares a published verdict.
    Vector(Box<jeton_vectors::Case>),
}

impl Case {
    /// A case of components that is not run.
    pub(crate) fn look(id: &'static str, holds: &'static str, look: fn(&Subject) -> Verdict) -> Self {
        Self { id: id.into(), world: Kind::Verifier, holds: holds.into(), how: How::Look(look) }
    }

    /// A case of both worlds.
    pub(crate) fn of_verifiers(id: &'static str, holds: &'static str, run: fn(&Sandbox) -> Verdict) -> Self {
        Self { id: id.into(), world: Kind::Verifier, holds: holds.into(), how: How::Run(run) }
    }

    /// A case of the authority world.
    pub(crate) fn of_authorities(id: &'static str, holds: &'static str, run: fn(&Sandbox) -> Verdict) -> Self {
        Self { id: id.into(), world: Kind::Authority, holds: holds.into(), how: How::Run(run) }
    }

    /// A published verdict, which both worlds give.
    pub(crate) fn of_vector(vector: jeton_vectors::Case) -> Self {
        let id = format!("verdict-{}", kebab(&vector.name));
        let holds = vector.name.clone();
        Self { id: id.into(), world: Kind::Verifier, holds: holds.into(), how: How::Vector(Box::new(vector)) }
    }

    pub(crate) fn world(&self) -> Kind {
        self.world
    }

    pub(crate) fn describe(&self) -> Description {
        Description { id: self.id.clone().into_owned(), world: self.world, holds: self.holds.clone().into_owned() }
    }

    /// Tries it; counts a call that did not end.
    pub(crate) fn try_on(&self, subject: &Subject, overruns: &mut usize) -> Outcome {
        let verdict = match (&self.how, subject.sandbox()) {
            (How::Look(look), _) => look(subject),
            (_, Err(why)) => return Outcome::NotTried(why.to_owned()),
            (How::Run(run), Ok(sandbox)) => run(sandbox),
            (How::Vector(vector), Ok(sandbox)) => vectors::give(sandbox, vector),
        };
        match verdict {
            Ok(()) => Outcome::Held,
            Err(Failure { happened, narrowed: true, .. }) => Outcome::Narrowed(happened),
            Err(Failure { happened, overran, narrowed: false }) => {
                *overruns = overruns.saturating_add(usize::from(overran));
                Outcome::Broken(happened)
            }
        }
    }
}

/// Words with hyphens in between.
fn kebab(sentence: &str) -> String {
    let words = sentence.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
