//! The query strings of `/v1`, as strict as its bodies: a misspelt filter must not list everything.

use http::Uri;

use super::form::{Form, FormError};
use super::problem::Problem;

/// The query string of a request that takes these parameters and no others.
pub(super) fn parse<'a>(uri: &'a Uri, known: &[&'static str]) -> Result<Form<'a>, Problem> {
    let form = Form::parse(uri.query().unwrap_or_default().as_bytes()).map_err(problem)?;
    if form.names().all(|name| known.contains(&&*name)) {
        return Ok(form);
    }
    let detail = match known {
        [] => "this takes no parameters".to_owned(),
        known => format!("the parameters are {}", known.join(", ")),
    };
    Err(Problem::field("unknown-parameter", "query", detail))
}

/// A parameter of such a query.
pub(super) fn one(form: &Form<'_>, name: &'static str) -> Result<Option<String>, Problem> {
    Ok(form.one(name).map_err(problem)?.map(std::borrow::Cow::into_owned))
}

fn problem(error: FormError) -> Problem {
    let field = match error {
        FormError::Repeated(name) => name,
        FormError::NotUtf8 | FormError::BrokenEscape | FormError::Nul => "query",
    };
    Problem::field("malformed-query", field, error.to_string())
}
