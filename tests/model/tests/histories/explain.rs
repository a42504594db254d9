//! Why a token is alive or dead, held against the model.

use jeton_model::Verdict;
use jeton_policy::authority::{Authority, Cause, Explanation, Subject};

use crate::{
    book::{Book, numbers},
    words,
};

/// Whether every token is told to be alive or dead as it is, and what ended an access token of this epoch as it did.
pub(crate) fn same_explanations(book: &Book, authority: &Authority) -> Result<(), String> {
    let model = &book.model;
    for number in (0..model.tokens.len()).filter(|number| !model.tokens[*number].removed) {
        let explained = authority.explain(Subject::TokenId(&book.id(number))).unwrap();
        if explained.cause.is_none() != model.can_mint(number) {
            return Err(format!(
                "refresh token {number} is explained by {explained:?}, and the model: {:?}",
                model.state(number)
            ));
        }
    }
    for number in numbers(book).filter(|number| model.access[*number].epoch == model.epoch) {
        let explained = authority.explain(Subject::Token(&book.access[number].text)).unwrap();
        let verdict = model.verdict(number, model.now());
        if !is_told(book, number, verdict, &explained) {
            return Err(format!(
                "access token {number} is explained by {:?} since {:?}, {:?}, and the model: {verdict:?}, {:?}",
                explained.cause, explained.since, explained.ending, model.access[number]
            ));
        }
    }
    Ok(())
}

fn is_told(book: &Book, number: usize, verdict: Verdict, told: &Explanation) -> bool {
    let expires_at = book.model.access[number].expires_at;
    // What ended a token that has expired since may be forgotten: then a later end of it is told, or that it has expired.
    let may_be_told = match verdict {
        Verdict::Expired => book.model.access[number].deaths.clone(),
        _ => book.model.deaths(number),
    };
    let by_an_act = may_be_told.iter().any(|death| told.ending == Some(words::ending(death)));
    let may_have_expired = book.model.now() >= expires_at;
    match (verdict, told.cause) {
        (Verdict::Alive, None) => true,
        (Verdict::NotYetValid, Some(Cause::NotYetValid)) => true,
        (Verdict::Cut | Verdict::Expired, Some(Cause::Cut)) => by_an_act,
        (Verdict::Expired, Some(Cause::Expired)) => may_have_expired && told.since.map(|at| at.0) == Some(expires_at),
        _ => false,
    }
}
