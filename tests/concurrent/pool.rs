//! What the clients know: the texts that came back, under the names by which a history speaks of them.

use jeton_model::history::{Answer, Name};

use super::dice::Dice;

/// So many of the youngest are worked on: few, so that clients meet.
const HOT: usize = 5;
/// So many access tokens.
const HOT_ACCESS: usize = 10;

/// A refresh token as clients know it.
pub(super) struct Refresh {
    pub(super) name: Name,
    pub(super) id: String,
    /// All that were ever handed out, in the order in which they came.
    pub(super) secrets: Vec<(Name, String)>,
    /// The last one that was seen.
    pub(super) generation: u64,
    /// It was seen to have ended.
    pub(super) is_over: bool,
}

/// An access token.
pub(super) struct Access {
    pub(super) name: Name,
    pub(super) text: String,
    pub(super) jti: String,
    administers: bool,
    is_over: bool,
}

/// Everything that came back so far. The first refresh token is the administrator's, and nobody ends that.
#[derive(Default)]
pub(super) struct Pool {
    pub(super) tokens: Vec<Refresh>,
    pub(super) access: Vec<Access>,
}

impl Pool {
    /// The name of a refresh token.
    pub(super) fn token(&mut self, id: &str) -> &mut Refresh {
        let place = self.tokens.iter().position(|token| token.id == id).unwrap_or_else(|| {
            let name = format!("t{}", self.tokens.len());
            self.tokens.push(Refresh { name, id: id.to_owned(), secrets: Vec::new(), generation: 1, is_over: false });
            self.tokens.len() - 1
        });
        &mut self.tokens[place]
    }

    /// The name of a new secret of a refresh token.
    pub(super) fn secret(&mut self, id: &str, text: &str) -> Name {
        let token = self.token(id);
        let name = format!("{}/{}", token.name, token.secrets.len() + 1);
        token.secrets.push((name.clone(), text.to_owned()));
        name
    }

    /// The name of a new access token.
    pub(super) fn minted(&mut self, text: &str, jti: &str, scope: &str) -> Name {
        let name = format!("a{}", self.access.len());
        self.access.push(Access {
            name: name.clone(),
            text: text.to_owned(),
            jti: jti.to_owned(),
            administers: scope.split(' ').any(|scope| scope == "jeton:admin"),
            is_over: false,
        });
        name
    }

    /// How whoever acts stands in records: by the name of a refresh token, or as itself.
    pub(super) fn actor(&self, by: &str) -> String {
        self.tokens.iter().find(|token| token.id == by).map_or_else(|| by.to_owned(), |token| token.name.clone())
    }

    pub(super) fn id(&self, name: &str) -> &str {
        &self.tokens.iter().find(|token| token.name == name).unwrap().id
    }

    pub(super) fn secret_text(&self, name: &str) -> &str {
        let mut all = self.tokens.iter().flat_map(|token| &token.secrets);
        &all.find(|(known, _)| known == name).unwrap().1
    }

    pub(super) fn access_named(&self, name: &str) -> &Access {
        self.access.iter().find(|access| access.name == name).unwrap()
    }

    /// What an answer tells about what is worth being worked on.
    pub(super) fn learn(&mut self, by: Option<&Name>, about: Option<&Name>, answer: &Answer) {
        let record = match answer {
            Answer::Shown(record) | Answer::Rotated { record, .. } | Answer::Created { record, .. } => Some(record),
            _ => None,
        };
        if let Some(token) = self.tokens.iter_mut().find(|token| Some(&token.name) == about)
            && let Some(record) = record
        {
            token.generation = token.generation.max(record.generation);
            token.is_over |= record.state == jeton_model::State::Deleted;
        }
        let is_dead = |access: &&mut Access| *answer == Answer::CallerRefused && Some(&access.name) == by;
        if let Some(access) = self.access.iter_mut().find(is_dead) {
            access.is_over = true;
        }
    }

    /// A refresh token that is worked on; rarely one that is over, or forgotten.
    pub(super) fn some_token(&self, dice: &mut Dice) -> Option<&Refresh> {
        let others = self.tokens.get(1..)?;
        if dice.chance(8) {
            return dice.one_of(others);
        }
        let living: Vec<&Refresh> = others.iter().rev().filter(|token| !token.is_over).take(HOT).collect();
        dice.one_of(&living).copied()
    }

    /// A secret of one: mostly the last that came.
    pub(super) fn some_secret(&self, dice: &mut Dice) -> Option<&(Name, String)> {
        let secrets = &self.some_token(dice)?.secrets;
        if dice.chance(25) { dice.one_of(secrets) } else { secrets.last() }
    }

    /// An access token: mostly a young one.
    pub(super) fn some_access(&self, dice: &mut Dice) -> Option<&Access> {
        let young = self.access.len().saturating_sub(HOT_ACCESS);
        let from = if dice.chance(10) { 0 } else { young };
        dice.one_of(&self.access[from..])
    }

    /// An access token of an administrator that nobody has found dead yet.
    pub(super) fn administrators(&self, dice: &mut Dice) -> Option<Name> {
        let living: Vec<&Access> =
            self.access.iter().rev().filter(|access| access.administers && !access.is_over).take(3).collect();
        dice.one_of(&living).map(|access| access.name.clone())
    }
}
