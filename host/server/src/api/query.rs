//! The query strings of `/v1`, as strict as its bodies: a misspelt filter must not list everything.

use http::Uri;

use super::form::{Form, FormError};
use super::problem::Problem;
use super::time;

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

/// A yes or a no; no where nothing is said.
pub(super) fn truth(form: &Form<'_>, name: &'static str) -> Result<bool, Problem> {
    match one(form, name)?.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::field("neither-true-nor-false", name, "it is `true` or `false`")),
    }
}

/// A moment (RFC 3339), in Unix seconds.
pub(super) fn moment(form: &Form<'_>, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(text) = one(form, name)? else { return Ok(None) };
    time::from_rfc3339(&text).map(Some).map_err(|error| Problem::field("time-malformed", name, error.to_string()))
}

fn problem(error: FormError) -> Problem {
    let field = match error {
        FormError::Repeated(name) => name,
        FormError::NotUtf8 | FormError::BrokenEscape | FormError::Nul => "query",
    };
    Problem::field("malformed-query", field, error.to_string())
}
