//! One operation of the document: what it takes, and every answer that it gives. What a caller must show, and how it is refused where
//! that is missing, comes out of the table of permissions.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::Value;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::AllOfBuilder;
use utoipa::openapi::{Content, ContentBuilder, HeaderBuilder, Required, ResponseBuilder, SecurityRequirement};

use super::catalogue::Every;
use super::schema::{Said, from, like, named, one_of, open_object, text, whole};
use super::{BASIC, BEARER, SESSION};
use crate::api::limits::BODY_BYTES;
use crate::api::oauth_error::OAuthCode;
use crate::api::permissions::{self, Need};
use crate::api::problem::ProblemKind;
use crate::listen::limits::{MAX_HEAD_BYTES, MAX_HEADERS};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const FORM: &str = "application/x-www-form-urlencoded";
/// One entity tag, or any (RFC 9110 section 13.1.1).
const IF_MATCH_PATTERN: &str = r#"^(\*|(W/)?"[\t !#-~]*")$"#;

/// An operation that is being described.
pub(super) struct Op {
    pub(super) method: Method,
    pub(super) path: &'static str,
    operation: OperationBuilder,
    answers: BTreeMap<u16, ResponseBuilder>,
    problems: BTreeMap<u16, (ProblemKind, BTreeSet<&'static str>)>,
    errors: BTreeMap<u16, BTreeSet<&'static str>>,
}

impl Op {
    /// An operation by its name, under a tag, with what it does in a line.
    pub(super) fn new(
        method: Method,
        path: &'static str,
        tag: &'static str,
        name: &'static str,
        summary: &'static str,
    ) -> Self {
        let operation = OperationBuilder::new().tag(tag).operation_id(Some(name)).summary(Some(summary));
        let of = Self {
            method,
            path,
            operation,
            answers: BTreeMap::new(),
            problems: BTreeMap::new(),
            errors: BTreeMap::new(),
        };
        let says = format!(
            "The request line and the headers are more than {MAX_HEAD_BYTES} bytes, or the headers more than {MAX_HEADERS}"
        );
        of.gives_nothing(431, &says).guarded()
    }

    /// With what else is to be known.
    pub(super) fn says(mut self, description: impl Into<String>) -> Self {
        self.operation = self.operation.description(Some(description));
        self
    }

    /// With a parameter of the query. Without a value it counts as not sent, and that is what the member says; it is no `x-` one, but
    /// the builder has no other way to it.
    pub(super) fn query(self, name: &'static str, says: &str, schema: impl Into<Said>) -> Self {
        let may_be_empty = Extensions::from_iter([("allowEmptyValue", true)]);
        self.parameter(ParameterIn::Query, Required::False, name, says, schema, Some(may_be_empty))
    }

    /// With a part of the path.
    pub(super) fn path(self, name: &'static str, says: &str, schema: impl Into<Said>) -> Self {
        self.parameter(ParameterIn::Path, Required::True, name, says, schema, None)
    }

    /// With a header.
    pub(super) fn header(self, name: &'static str, says: &str, schema: impl Into<Said>) -> Self {
        self.parameter(ParameterIn::Header, Required::False, name, says, schema, None)
    }

    /// With a body in JSON, of at most the bytes that bodies have.
    pub(super) fn takes(self, schema: Said, example: Value) -> Self {
        self.takes_up_to(BODY_BYTES, schema, example)
    }

    /// With a body in JSON, of at most so many bytes.
    pub(super) fn takes_up_to(self, bytes: usize, schema: Said, example: Value) -> Self {
        self.body(JSON, bytes, Required::True, schema, example).unreadable_body()
    }

    /// With a body in JSON that may be left out.
    pub(super) fn may_take(self, schema: Said, example: Value) -> Self {
        self.body(JSON, BODY_BYTES, Required::False, schema, example).unreadable_body()
    }

    /// With a form.
    pub(super) fn takes_form(self, schema: Said, example: Value) -> Self {
        self.body(FORM, BODY_BYTES, Required::True, schema, example)
    }

    /// Answers with JSON.
    pub(super) fn gives(self, status: u16, says: &str, schema: Said) -> Self {
        self.with_answer(status, |_| ResponseBuilder::new().description(says).content(JSON, Content::new(Some(schema))))
    }

    /// Answers with JSON such as this.
    pub(super) fn gives_such_as(self, status: u16, says: &str, schema: Said, example: Value) -> Self {
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        self.with_answer(status, |_| ResponseBuilder::new().description(says).content(JSON, content))
    }

    /// Answers without a body.
    pub(super) fn gives_nothing(self, status: u16, says: &str) -> Self {
        self.with_answer(status, |_| ResponseBuilder::new().description(says))
    }

    /// Answers of this status have a header.
    pub(super) fn with_header(self, status: u16, name: &str, says: &str) -> Self {
        let header = HeaderBuilder::new().schema(Some(text())).description(Some(says)).build();
        self.with_answer(status, |answer| answer.header(name, header))
    }

    /// Refuses with problems of this kind and these codes.
    pub(super) fn refuses(mut self, kind: ProblemKind, codes: &[&'static str]) -> Self {
        let (_, known) = self.problems.entry(kind.status().as_u16()).or_insert_with(|| (kind, BTreeSet::new()));
        known.extend(codes);
        self
    }

    /// Refuses as the policy does.
    pub(super) fn refused_by<R: Every>(self) -> Self {
        R::ALL.iter().map(|refusal| refusal.row()).fold(self, |op, row| op.refuses(row.kind(), &[row.code()]))
    }

    /// Leaves out refusals that this operation cannot come to.
    pub(super) fn never(mut self, codes: &[&str]) -> Self {
        for (_, known) in self.problems.values_mut() {
            known.retain(|code| !codes.contains(code));
        }
        self.problems.retain(|_, (_, known)| !known.is_empty());
        self
    }

    /// Refuses with errors of OAuth.
    pub(super) fn errs(mut self, codes: &[OAuthCode]) -> Self {
        for code in codes {
            self.errors.entry(code.status().as_u16()).or_default().insert(code.as_str());
        }
        self
    }

    /// Takes a query as `/v1` does: one that cannot be read, or names what is not there, is refused.
    pub(super) fn strict_query(self) -> Self {
        self.refuses(ProblemKind::InvalidInput, &["malformed-query", "unknown-parameter"])
    }

    /// Takes `If-Match`.
    pub(super) fn if_match(self) -> Self {
        let says = "The `ETag` that was read: 412 where it was changed since";
        self.header("If-Match", says, like(IF_MATCH_PATTERN).examples(["\"1\"", "*"]))
            .refuses(ProblemKind::InvalidInput, &["if-match-malformed"])
    }

    /// Needs one of these, or nothing where one of them is nothing.
    pub(super) fn needs(mut self, schemes: &[Option<&'static str>]) -> Self {
        let requirement = |scheme: &Option<&'static str>| match scheme {
            Some(scheme) => SecurityRequirement::new::<_, [&str; 0], &str>(*scheme, []),
            None => SecurityRequirement::default(),
        };
        self.operation = self.operation.securities(Some(schemes.iter().map(requirement).collect::<Vec<_>>()));
        self
    }

    /// The operation, with all its answers.
    pub(super) fn build(self) -> (HttpMethod, Operation) {
        let mut answers = self.answers;
        for (status, (kind, codes)) in self.problems {
            let answer = answers.remove(&status).unwrap_or_else(|| ResponseBuilder::new().description(kind.title()));
            answers.insert(status, with_problem_headers(kind, answer).content(PROBLEM, problem(kind, codes)));
        }
        for (status, codes) in self.errors {
            let answer =
                answers.remove(&status).unwrap_or_else(|| ResponseBuilder::new().description(error_title(status)));
            let answer = if matches!(status, 429 | 503) { answer.header("Retry-After", retry_after()) } else { answer };
            answers.insert(status, answer.content(JSON, error(codes)));
        }
        let operation = answers
            .into_iter()
            .fold(self.operation, |operation, (status, answer)| operation.response(status.to_string(), answer));
        (http_method(&self.method), operation.build())
    }

    /// What the table of permissions says of it.
    fn guarded(self) -> Self {
        let Some(need) = permissions::needed(self.path, &self.method).filter(|need| *need != Need::Nothing) else {
            return self.needs(&[]);
        };
        let of = self
            .needs(&[Some(BEARER), Some(SESSION)])
            .refuses(ProblemKind::InvalidInput, &["authorization-malformed"])
            .refuses(ProblemKind::Unauthenticated, &["token-missing", "invalid-token"])
            .refuses(ProblemKind::Unavailable, &["unavailable"]);
        let of = if need == Need::LivingToken {
            of
        } else {
            of.refuses(ProblemKind::InsufficientScope, &["insufficient-scope"])
        };
        if of.method.is_safe() { of } else { of.refuses(ProblemKind::InsufficientScope, &["not-of-this-console"]) }
    }

    fn parameter(
        mut self,
        place: ParameterIn,
        required: Required,
        name: &'static str,
        says: &str,
        schema: impl Into<Said>,
        extensions: Option<Extensions>,
    ) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(required);
        let parameter: Parameter =
            parameter.description(Some(says)).schema(Some(schema)).extensions(extensions).build();
        self.operation = self.operation.parameter(parameter);
        self
    }

    fn body(mut self, kind: &str, bytes: usize, required: Required, schema: Said, example: Value) -> Self {
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let says = format!("At most {bytes} bytes");
        let body: RequestBody =
            RequestBodyBuilder::new().description(Some(says)).required(Some(required)).content(kind, content).build();
        self.operation = self.operation.request_body(Some(body));
        self
    }

    fn unreadable_body(self) -> Self {
        self.refuses(ProblemKind::InvalidInput, &["malformed-json", "invalid-member", "body-ended-early"])
            .refuses(ProblemKind::BodyTooLarge, &["body-too-large"])
            .refuses(ProblemKind::UnsupportedMediaType, &["not-declared-as-json"])
    }

    fn with_answer(mut self, status: u16, change: impl FnOnce(ResponseBuilder) -> ResponseBuilder) -> Self {
        let answer = self.answers.remove(&status).unwrap_or_default();
        self.answers.insert(status, change(answer));
        self
    }
}

/// A problem of this kind with one of these codes.
fn problem(kind: ProblemKind, codes: BTreeSet<&'static str>) -> Content {
    let narrowed = open_object([])
        .property("type", one_of([kind.uri().as_str()]))
        .property("status", whole(kind.status().as_u16().into(), kind.status().as_u16().into()))
        .property("code", one_of(codes));
    Content::new(Some(AllOfBuilder::new().item(named("Problem")).item(narrowed)))
}

fn error(codes: BTreeSet<&'static str>) -> Content {
    let narrowed = open_object([]).property("error", one_of(codes));
    Content::new(Some(AllOfBuilder::new().item(named("OAuthError")).item(narrowed)))
}

fn with_problem_headers(kind: ProblemKind, answer: ResponseBuilder) -> ResponseBuilder {
    match kind {
        ProblemKind::Unauthenticated | ProblemKind::InsufficientScope => {
            let says = "The challenge (RFC 6750 section 3)";
            answer.header("WWW-Authenticate", HeaderBuilder::new().schema(Some(text())).description(Some(says)).build())
        }
        ProblemKind::TooManyRequests | ProblemKind::Unavailable => answer.header("Retry-After", retry_after()),
        _ => answer,
    }
}

fn retry_after() -> utoipa::openapi::Header {
    HeaderBuilder::new().schema(Some(from(1))).description(Some("Seconds")).build()
}

fn error_title(status: u16) -> &'static str {
    match status {
        400 => "The request is not granted",
        401 => "The credential that was shown is not accepted",
        403 => "The access token that was shown may not do this",
        429 => "Too many bad credentials came from this address",
        _ => "The authority cannot answer now",
    }
}

fn http_method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::DELETE => HttpMethod::Delete,
        Method::OPTIONS => HttpMethod::Options,
        Method::HEAD => HttpMethod::Head,
        Method::PATCH => HttpMethod::Patch,
        Method::TRACE => HttpMethod::Trace,
        _ => HttpMethod::Get,
    }
}

/// The schemes of [`Op::needs`] for who introspects or waits: an access token, or a refresh token as the password of HTTP Basic.
pub(super) const BEARER_OR_BASIC: [Option<&str>; 2] = [Some(BEARER), Some(BASIC)];
